import { isHeld } from '../../domain/retention/decide.ts';
import { forgetIn } from '../retention/forget-snapshots.ts';
import type { GoingCopy } from './copy-table.ts';
import type { MoveDeps } from './move-copy.ts';

export interface DropOptions {
  readonly correlationid: string;
  /** A tier refused; the others go on. */
  readonly onFailed: (error: unknown, tier: string) => void;
}

/**
 * Ends the removal of copies that were decided to go: from the repository, then told; how many it was. Each only while
 * another tier, which answers now, holds a verified copy. A crash between leaves the mark, and the same is done again.
 */
export async function dropGoing(deps: MoveDeps, { correlationid, onFailed }: DropOptions): Promise<number> {
  const { state } = deps;
  const refused = new Set<string>();
  let dropped = 0;
  for (const copy of state.copies.going()) {
    if (refused.has(copy.tier)) continue;
    const kept_in = await keptIn(deps, copy.backup_id);
    if (kept_in.length === 0 || isWanted(deps, copy)) {
      state.write(() => state.copies.markGoing(copy, null));
      continue;
    }
    try {
      await drop(deps, copy, { kept_in, correlationid });
      dropped += 1;
    } catch (error) {
      refused.add(copy.tier);
      onFailed(error, copy.tier);
    }
  }
  return dropped;
}

async function drop(
  { state, tiers, reclaimer }: MoveDeps,
  copy: GoingCopy,
  { kept_in, correlationid }: { kept_in: string[]; correlationid: string },
): Promise<void> {
  const { backup_id, tier, snapshot_id, reason } = copy;
  await forgetIn(await tiers.get(tier), [copy], reason);
  const data = { backup_id, tier, snapshot_id, kept_in, reason };
  state.write(() => state.tell('BackupCopyRemoved', { subject: backup_id, data, correlationid }));
  reclaimer.note(tier);
}

/** Tiers in which a verified copy stands at this moment. */
async function keptIn({ state, tiers }: MoveDeps, backup_id: string): Promise<string[]> {
  const verified = state.copies.of(backup_id).filter((copy) => copy.verified_ms !== null && !copy.is_bad);
  const standing: string[] = [];
  for (const { tier, snapshot_id } of verified) {
    try {
      await (await tiers.get(tier)).snapshot(snapshot_id);
      standing.push(tier);
    } catch {
      // A tier that does not answer keeps nothing, as far as this decision goes; who copies into it tells people.
    }
  }
  return standing;
}

/** A loss or a hold came after the decision. */
function isWanted({ state, context }: MoveDeps, { backup_id }: GoingCopy): boolean {
  const backup = state.retention.get(backup_id);
  if (backup === undefined) return true;
  const { snapshots, unresolved_sources } = state.cases.pins();
  const is_pinned = snapshots.has(backup.snapshot_id) || unresolved_sources.has(backup.source);
  return is_pinned || isHeld(backup, context.clock.now_ms());
}
