import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { requestedRun } from '../backup-run/state.ts';
import { dueSlot, frequencySlots, latenessOf, startable } from './decide.ts';
import type { Slots } from './state.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.parse('2026-07-15T12:00:00.000Z');
/** Every full hour. */
const hourly: Slots = {
  next: (after_ms) => (Math.floor(after_ms / HOUR) + 1) * HOUR,
  latest: (now_ms) => Math.floor(now_ms / HOUR) * HOUR,
};
const at = (last_slot_ms: number, now_ms: number, jitter?: number) =>
  dueSlot(
    { last_slot_ms, config: { enabled: true, ...(jitter !== undefined && { jitter }) } },
    { slots: hourly, key: 'web1 hourly' },
    now_ms,
  );

describe('a slot', () => {
  test('is due when it comes, once', () => {
    expect(at(NOON - HOUR, NOON - 1)).toEqual({ slot_ms: null, next_ms: NOON, rewound: false });
    expect(at(NOON - HOUR, NOON)).toEqual({ slot_ms: NOON, next_ms: NOON + HOUR, rewound: false });
    expect(at(NOON, NOON)).toMatchObject({ slot_ms: null, next_ms: NOON + HOUR });
  });

  test('that was missed is made up, and of many the last one only', () => {
    expect(at(NOON - 40 * DAY, NOON + 1)).toMatchObject({ slot_ms: NOON, next_ms: NOON + HOUR });
  });

  test('is not run again when the clock is set back a little', () => {
    expect(at(NOON, NOON - 500)).toEqual({ slot_ms: null, next_ms: NOON, rewound: false });
    expect(at(NOON, NOON + 1)).toMatchObject({ slot_ms: null });
  });

  test('does not wait for a year when the clock was a year ahead', () => {
    expect(at(NOON + 365 * DAY, NOON + 1)).toEqual({ slot_ms: null, next_ms: NOON + HOUR, rewound: true });
  });

  test('with jitter starts later, always at the same moment, and before the next one', () => {
    const starts = Array.from({ length: 24 }, (_, hour) =>
      at(NOON + hour * HOUR, NOON + hour * HOUR, 10 * DAY),
    );
    const offsets = starts.map(({ next_ms }, hour) => (next_ms ?? 0) - NOON - (hour + 1) * HOUR);
    expect(offsets.every((offset) => offset >= 0 && offset < HOUR)).toBe(true);
    expect(new Set(offsets).size).toBeGreaterThan(12);
    const [first] = starts;
    const start_ms = first?.next_ms ?? 0;
    expect(at(NOON, start_ms - 1, 10 * DAY)).toMatchObject({ slot_ms: null, next_ms: start_ms });
    expect(at(NOON, start_ms, 10 * DAY)).toMatchObject({ slot_ms: NOON + HOUR });
  });
});

test('property: whoever else looks meanwhile, each slot runs once at most, in order, and the last is never left out', () => {
  const pause = fc.oneof(fc.integer({ min: 1, max: HOUR }), fc.integer({ min: 1, max: 3 * DAY }));
  const jitters = fc.option(fc.integer({ min: 1, max: HOUR / 2 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(pause, { minLength: 1, maxLength: 50 }), jitters, (waits, jitter) => {
      let now_ms = NOON;
      const ran = [NOON];
      const look = (): number => {
        const { slot_ms, next_ms } = at(ran.at(-1) ?? 0, now_ms, jitter);
        if (slot_ms !== null) ran.push(slot_ms);
        return next_ms ?? 0;
      };
      for (const wait_ms of waits) {
        now_ms += wait_ms;
        const next_ms = look();
        // The scheduler comes again when it said that it would.
        now_ms = next_ms - now_ms < HOUR / 2 ? next_ms : now_ms;
        look();
      }
      expect(ran).toEqual([...new Set(ran)].sort((one, other) => one - other));
      expect(now_ms - (ran.at(-1) ?? 0)).toBeLessThan(HOUR + (jitter ?? 0));
    }),
  );
});

test('never two of one kind of one source at once', () => {
  const run = requestedRun({
    backup_id: 'backup_20260715_120000_full',
    source: 'bmc',
    backup_type: 'full',
    reason: 'schedule',
    schedule: 'daily',
    walk: true,
    compression: true,
    correlationid: 'c',
    actor: 'holdfast',
    requested_ms: NOON,
  });
  const wishes = [
    { source: 'bmc', type: 'full' as const },
    { source: 'bmc', type: 'incremental' as const },
    { source: 'logs', type: 'full' as const },
  ];
  expect(startable(wishes, [run])).toEqual(wishes.slice(1));
  expect(startable(wishes, [{ ...run, reason: 'request' }])).toEqual(wishes);
});

describe('an obligation', () => {
  test('is late from its slot on, and overdue after twice its interval', () => {
    const late = latenessOf({ done_ms: NOON + 180_000, slots: hourly });
    expect(late).toEqual({ expected_ms: NOON + HOUR, interval_ms: HOUR, overdue_ms: NOON + 2 * HOUR });
  });

  test('of a frequency counts from the last backup', () => {
    const late = latenessOf({ done_ms: NOON + 5, slots: frequencySlots('daily') });
    expect(late?.overdue_ms).toBe(NOON + 5 + 2 * DAY);
  });
});
