import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bsonDocument, bsonInt32 } from './bson-bytes.ts';
import { compareTimes } from './cluster-time.ts';
import {
  chainFrom,
  mayCut,
  parseSegmentFile,
  readSegment,
  segmentEnd,
  segmentFile,
  segmentHead,
} from './segment.ts';

const at = (seconds: number, increment = 1) => ({ seconds, increment });
const time = fc.record({ seconds: fc.nat(0xffffffff), increment: fc.nat(0xffffffff) });
const event = (number: number) => bsonDocument([bsonInt32('number', number)]);

function segmentOf(events: readonly Buffer[]): Buffer[] {
  const head = segmentHead(at(1));
  const hash = createHash('sha256').update(Buffer.concat([head, ...events]));
  return [head, ...events, segmentEnd({ to: at(2), events: events.length, token: event(0) }, hash)];
}

test('what is written into a segment is read from it; one that is cut short or changed is refused', () => {
  const events = [event(1), event(2)];
  const documents = segmentOf(events);
  expect(readSegment(documents)).toEqual({ events, end: { to: at(2), events: 2, token: event(0) } });
  expect(() => readSegment(documents.slice(0, -1))).toThrow('cut short');
  expect(() => readSegment(documents.toSpliced(1, 1))).toThrow('checksum');
  expect(() => readSegment([])).toThrow('cut short');
});

test('names of segments say where they lie, and sort as they follow (fast-check)', () => {
  fc.assert(
    fc.property(time, time, (from, to) => {
      expect(parseSegmentFile(segmentFile({ from, to }))).toEqual({ from, to });
      const [one, other] = [segmentFile({ from, to: from }), segmentFile({ from: to, to })];
      expect(Math.sign(one < other ? -1 : one > other ? 1 : 0)).toBe(Math.sign(compareTimes(from, to)));
    }),
  );
  expect(parseSegmentFile('next.unfinished')).toBeNull();
});

test('a log is only ever cut between two moments, so never within a transaction (fast-check)', () => {
  const events = fc.array(fc.record({ step: fc.nat(1), bytes: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 100 }), (list, bytes_max) => {
      let now = 1;
      const timed = list.map(({ step, bytes }) => {
        now += step;
        return { time: at(now), bytes };
      });
      const segments: (typeof timed)[] = [[]];
      for (const next of timed) {
        const open = segments.at(-1) ?? [];
        const bytes = open.reduce((sum, one) => sum + one.bytes, 0);
        const last = open.at(-1)?.time ?? at(0);
        if (open.length > 0 && mayCut({ last, bytes }, next, bytes_max)) segments.push([next]);
        else open.push(next);
      }
      expect(segments.flat()).toEqual(timed);
      for (const [number, segment] of segments.slice(1).entries()) {
        const before = segments[number]?.at(-1)?.time ?? at(0);
        expect(compareTimes(segment[0]?.time ?? at(0), before)).toBeGreaterThan(0);
      }
    }),
  );
});

test('a chain begins where the moment lies and ends at the first gap (fast-check)', () => {
  const segment = (from: number, to: number) => ({ from: at(from), to: at(to) });
  const log = [segment(10, 20), segment(20, 30), segment(30, 40), segment(50, 60)];
  expect(chainFrom(log, at(25))).toEqual(log.slice(1, 3));
  expect(chainFrom(log, at(20))).toEqual(log.slice(0, 3));
  expect(chainFrom(log, at(45))).toEqual([]);
  // A merge was cut short: one of its parts is gone, the others are not.
  const [merged, left] = [segment(10, 30), segment(10, 20)];
  expect(chainFrom([left, merged, segment(30, 40)], at(10))).toEqual([merged, segment(30, 40)]);
  fc.assert(
    fc.property(fc.shuffledSubarray(log), fc.integer({ min: 5, max: 65 }), (some, start) => {
      const chain = chainFrom(some, at(start));
      for (const [number, next] of chain.slice(1).entries()) expect(next.from).toEqual(chain[number]?.to);
      const [first] = chain;
      if (first !== undefined) expect(first.from.seconds <= start && start <= first.to.seconds).toBe(true);
    }),
  );
});
