import { describe, expect, test } from '@jest/globals';
import { paceOf } from './pace.ts';

const POLICY = { messages_max: 4, window_ms: 1000, merge_from: 6 };
const at = (sent_at_ms: number[], waiting: number, now_ms = 1000) =>
  paceOf(POLICY, { sent_at_ms, waiting }, now_ms);

describe('the pace of a channel', () => {
  test('a quiet one sends at once, each by itself', () => {
    expect(at([], 5)).toEqual({ at_ms: 1000, merge: false });
    expect(at([900], 1)).toEqual({ at_ms: 1000, merge: false });
  });

  test('many that wait go together', () => {
    expect(at([], 6).merge).toBe(true);
  });

  test('a busy one takes its time, and puts together whatever waits', () => {
    expect(at([800, 900], 2)).toEqual({ at_ms: 1400, merge: true });
    expect(at([300, 400], 1)).toEqual({ at_ms: 1000, merge: false });
  });

  test('however much there is to tell, no more goes out than people can read', () => {
    const sent: number[] = [];
    for (let now_ms = 0; now_ms < 10_000; now_ms += 10)
      if (at(sent, 1, now_ms).at_ms <= now_ms) sent.push(now_ms);
    const fullest = Math.max(...sent.map((from) => sent.filter((t) => t >= from && t < from + 1000).length));
    expect(fullest).toBeLessThanOrEqual(POLICY.messages_max);
  });
});
