import type { BackupHold } from '@holdfast/contracts/http/backup';
import { timestamp } from '@holdfast/runtime/clock';
import type { Hold } from '../domain/retention/state.ts';

/** A hold as it goes over the wire. */
export function holdView(hold: Hold): BackupHold;
export function holdView(hold: Hold | null): BackupHold | null;
export function holdView(hold: Hold | null): BackupHold | null {
  if (hold === null) return null;
  const { reason, until_ms, held_ms, actor } = hold;
  return {
    reason,
    until: until_ms === null ? null : timestamp(until_ms),
    held_at: timestamp(held_ms),
    actor,
  };
}
