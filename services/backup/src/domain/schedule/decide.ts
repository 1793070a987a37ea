import { createHash } from 'node:crypto';
import { type Frequency, slotAfter } from '../backup-run/due.ts';
import type { BackupRun } from '../backup-run/state.ts';
import type { Obligation, Schedule, Slots, SlotWish } from './state.ts';

/** What is to be done about a schedule now. */
export interface Due {
  /** The slot to act on; null: none. However many were missed, only the last of them is made up. */
  readonly slot_ms: number | null;
  /** When to look again; null: never. */
  readonly next_ms: number | null;
  /** The clock was set back by more than a slot: what was done then is no reason to wait. */
  readonly rewound: boolean;
}

/** Where a schedule stands against the clock. `key` makes its jitter its own: the same slot always starts at the same time. */
export function dueSlot(
  { last_slot_ms, config }: Pick<Schedule, 'last_slot_ms' | 'config'>,
  { slots, key }: { slots: Slots; key: string },
  now_ms: number,
): Due {
  const coming_ms = slots.next(now_ms);
  const rewound = coming_ms !== null && last_slot_ms > coming_ms;
  const startOf = (slot_ms: number) => slot_ms + jitterOf({ slots, key }, slot_ms, config.jitter ?? 0);
  const next_ms = coming_ms === null ? null : startOf(coming_ms);
  const latest_ms = rewound ? null : slots.latest(now_ms);
  if (latest_ms === null || latest_ms <= last_slot_ms) return { slot_ms: null, next_ms, rewound };
  const start_ms = startOf(latest_ms);
  if (start_ms > now_ms) return { slot_ms: null, next_ms: start_ms, rewound };
  return { slot_ms: latest_ms, next_ms, rewound };
}

/** Less than the time to the next slot, or no slot would ever start. */
function jitterOf({ slots, key }: { slots: Slots; key: string }, slot_ms: number, jitter_ms: number): number {
  if (jitter_ms === 0) return 0;
  const following_ms = slots.next(slot_ms) ?? Number.POSITIVE_INFINITY;
  const range = Math.min(jitter_ms, following_ms - slot_ms - 1);
  const digest = createHash('sha256').update(`${key} ${slot_ms}`).digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * range);
}

/** The wishes of a slot, without those whose like is still under way: never two of one kind of one source at once. */
export function startable(wishes: readonly SlotWish[], open: readonly BackupRun[]): SlotWish[] {
  const taken = new Set(
    open.filter(({ reason }) => reason === 'schedule').map((run) => `${run.source} ${run.backup_type}`),
  );
  return wishes.filter(({ source, type }) => !taken.has(`${source} ${type}`));
}

/** The times at which a source's own frequency wants a backup: counted from the last one. */
export function frequencySlots(frequency: Frequency): Slots {
  return { next: (after_ms) => slotAfter(frequency, after_ms), latest: (now_ms) => now_ms };
}

/** How late an obligation is. */
export interface Lateness {
  /** When its backup was expected. */
  readonly expected_ms: number;
  readonly interval_ms: number;
  /** From then on it is overdue: twice the interval after the slot of the last one. */
  readonly overdue_ms: number;
}

/** When an obligation becomes overdue; null for one that never comes again. */
export function latenessOf({ done_ms, slots }: Pick<Obligation, 'done_ms' | 'slots'>): Lateness | null {
  const slot_ms = slots.latest(done_ms) ?? done_ms;
  const expected_ms = slots.next(done_ms);
  if (expected_ms === null) return null;
  const interval_ms = expected_ms - slot_ms;
  return { expected_ms, interval_ms, overdue_ms: slot_ms + 2 * interval_ms };
}
