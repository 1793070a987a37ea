import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BSON_TYPE, bsonDocument, bsonInt32 } from '../src/domain/mongodb/bson-bytes.ts';
import { timeOfEvent } from '../src/domain/mongodb/change-event.ts';
import { bytesOfTime, type ClusterTime, compareTimes } from '../src/domain/mongodb/cluster-time.ts';
import { planRestore } from '../src/domain/mongodb/restore-plan.ts';
import { mergeSteps } from '../src/mongodb/merge-segments.ts';
import { readStagedSegment } from '../src/mongodb/read-staged.ts';
import { createSegmentWriter } from '../src/mongodb/segment-writer.ts';
import { openStaging, type Staging } from '../src/mongodb/staging.ts';

const BEGIN = { seconds: 100, increment: 0 };
const BYTES_MAX = 3_000;

/** A log with the events that it ought to hold. */
interface Log {
  readonly staging: Staging;
  readonly events: { readonly time: ClusterTime; readonly event: Buffer }[];
}

/** A new segment; a step of 0 makes an event of the same moment, as those of one transaction are. */
async function write({ staging, events }: Log, steps: readonly number[]): Promise<void> {
  let { seconds } = events.at(-1)?.time ?? BEGIN;
  const tail = { seconds, increment: 0 };
  await using writer = createSegmentWriter(staging.changes, tail, BYTES_MAX);
  const token = bsonDocument([bsonInt32('token', events.length)]);
  for (const [number, step] of steps.entries()) {
    seconds += number === 0 ? step + 1 : step;
    const time = { seconds, increment: 0 };
    const event = bsonDocument([
      { type: BSON_TYPE.timestamp, name: 'clusterTime', value: bytesOfTime(time) },
      bsonInt32('number', events.length),
    ]);
    events.push({ time, event });
    await writer.add([{ time, event, token, bytes: event.length }]);
  }
  await writer.cut();
}

/** What a restore would replay up to a moment. */
async function replayed(staging: Staging, at: ClusterTime): Promise<Buffer[]> {
  const bases = [{ id: 'base', from: BEGIN, through: BEGIN }];
  const plan = planRestore({ bases, segments: await staging.segments(), begins: BEGIN, quiet: null }, at);
  if ('refusal' in plan) throw new Error(plan.refusal);
  const found: Buffer[] = [];
  for (const segment of plan.segments) found.push(...(await readStagedSegment(staging, segment)).events);
  return found.filter((event) => compareTimes(timeOfEvent(event), at) <= 0);
}

async function expectEveryMoment({ staging, events }: Log): Promise<void> {
  for (const at of new Set(events.map(({ time }) => time))) {
    const wanted = events.filter(({ time }) => compareTimes(time, at) <= 0).map(({ event }) => event);
    expect(Buffer.concat(await replayed(staging, at)).equals(Buffer.concat(wanted))).toBe(true);
  }
}

/** Merges, and dies after so many steps; how many it made. */
async function mergeUntilKilled(staging: Staging, kill_after: number): Promise<number> {
  const steps = mergeSteps(staging, { begins: BEGIN, bytes_max: BYTES_MAX });
  for (let made = 0; ; made++) {
    if (made === kill_after || (await steps.next()).done === true) return made;
  }
}

test('killed after each of its steps: every moment can be restored, and the next merge ends the work', async () => {
  for (let kill_after = 1, made = 0; made >= kill_after - 1; kill_after++) {
    using folder = tempDir();
    const log: Log = { staging: await openStaging(folder.path), events: [] };
    for (let number = 0; number < 20; number++) await write(log, [number % 3, 0, 1]);
    made = await mergeUntilKilled(log.staging, kill_after);
    const again = { ...log, staging: await openStaging(folder.path) };
    await expectEveryMoment(again);
    await mergeUntilKilled(again.staging, Number.POSITIVE_INFINITY);
    await expectEveryMoment(again);
    expect((await again.staging.segments()).length).toBeLessThan(16);
  }
});

test('random segments, merges and kills: every moment can be restored (fast-check)', async () => {
  const segment = fc.array(fc.nat(2), { minLength: 1, maxLength: 6 });
  const segments = fc.array(segment, { minLength: 1, maxLength: 20 });
  const kill = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 30 }));
  const rounds = fc.array(fc.record({ segments, kill }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rounds, async (list) => {
      using folder = tempDir();
      const events: Log['events'] = [];
      for (const round of list) {
        const log = { staging: await openStaging(folder.path), events };
        for (const steps of round.segments) await write(log, steps);
        await mergeUntilKilled(log.staging, round.kill);
      }
      await expectEveryMoment({ staging: await openStaging(folder.path), events });
    }),
    { numRuns: 12 },
  );
}, 120_000);
