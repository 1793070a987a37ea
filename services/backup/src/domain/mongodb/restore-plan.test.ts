import { expect, test } from '@jest/globals';
import { endOfSecond, parseTime, timeOfToken } from './cluster-time.ts';
import { planRestore } from './restore-plan.ts';

const at = (seconds: number, increment = 1) => ({ seconds, increment });
const segment = (from: number, to: number) => ({ from: at(from), to: at(to) });
const old = { id: 'old', from: at(10), through: at(14) };
const recent = { id: 'recent', from: at(33), through: at(36) };
const segments = [segment(10, 20), segment(20, 30), segment(30, 40)];
const holding = { bases: [old, recent], segments, begins: null, quiet: { after: at(40), through: at(55) } };

test('the newest base that is not newer than the moment, and no segment after it', () => {
  expect(planRestore(holding, at(25))).toEqual({ base: old, segments: segments.slice(0, 2), at: at(25) });
  expect(planRestore(holding, at(34))).toEqual({ base: old, segments, at: at(34) });
  expect(planRestore(holding, at(36))).toEqual({ base: recent, segments: [segment(30, 40)], at: at(36) });
});

test('the latest moment is the end of the quiet time after the last segment', () => {
  expect(planRestore(holding, null)).toMatchObject({ base: recent, at: at(55) });
  expect(planRestore({ ...holding, quiet: null }, null)).toMatchObject({ base: recent, at: at(40) });
  // The state was read after a segment that the backup does not hold.
  const ahead = { after: at(50), through: at(55) };
  expect(planRestore({ ...holding, quiet: ahead }, null)).toMatchObject({ base: recent, at: at(40) });
});

test('a base in a quiet time needs no segment', () => {
  const quiet = {
    bases: [{ id: 'q', from: at(44), through: at(45) }],
    segments,
    begins: null,
    quiet: holding.quiet,
  };
  expect(planRestore(quiet, null)).toEqual({ base: quiet.bases[0], segments: [], at: at(55) });
});

test('refused, with what there is: before the base, after the log, beyond a gap', () => {
  const refusal = expect.stringMatching(/it holds 1970-01-01T00:00:14Z .* to 1970-01-01T00:00:55Z/);
  expect(planRestore(holding, at(13))).toEqual({ refusal });
  expect(planRestore(holding, at(56))).toEqual({ refusal });
  const gap = { bases: [old], segments: segments.toSpliced(1, 1), begins: null, quiet: holding.quiet };
  expect(planRestore(gap, at(35))).toHaveProperty('refusal');
  expect(planRestore(gap, null)).toMatchObject({ at: at(20) });
  expect(
    planRestore({ bases: [recent], segments: [segment(10, 20)], begins: null, quiet: null }, null),
  ).toHaveProperty('refusal');
});

test('a time of day means the end of its second; a token tells how far its stream is', () => {
  expect(endOfSecond(1_500)).toEqual({ seconds: 1, increment: 0xffffffff });
  expect(parseTime('17.5')).toEqual(at(17, 5));
  expect(parseTime('2026-11-25T00:00:00Z')).toBeNull();
  expect(timeOfToken('826B062BBE0000000D2B0229296E04')).toEqual(at(0x6b062bbe, 13));
  expect(timeOfToken('00')).toBeNull();
});

test('a base of an older log does not reach into the one that is gone on with', () => {
  const newer = { bases: [old, { ...recent, from: at(30) }], segments, begins: at(30), quiet: holding.quiet };
  expect(planRestore(newer, at(30))).toMatchObject({ base: old, segments: segments.slice(0, 2) });
  expect(planRestore(newer, at(31))).toHaveProperty('refusal');
  expect(planRestore(newer, at(40))).toMatchObject({ base: { id: 'recent' }, segments: segments.slice(2) });
});
