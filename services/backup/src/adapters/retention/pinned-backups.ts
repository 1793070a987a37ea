import type { Slice } from '@holdfast/repository/slice';
import type { RetainedBackup } from '../../domain/retention/state.ts';
import type { BackupState } from '../state.ts';
import type { CatalogedBackup } from './retention-table.ts';

const PAGE = 500;

/** The backups of a source, newest first, with what they are kept for; page by page, as the slice allows. */
export async function pinnedBackups(
  state: BackupState,
  source: string,
  slice: Slice,
): Promise<RetainedBackup[]> {
  const pinOf = pinsNow(state);
  const backups: RetainedBackup[] = [];
  let page: CatalogedBackup[] = [];
  do {
    page = state.retention.page(source, page.at(-1) ?? null, PAGE);
    for (const one of page) backups.push({ ...one, pin: pinOf(one) });
    await slice.rest();
  } while (page.length > 0);
  return backups;
}

/** What open losses, and attacks that nobody has released, want of a backup; as it stands now. */
export function pinsNow({
  cases,
  quarantines,
}: BackupState): (backup: Pick<CatalogedBackup, 'snapshot_id' | 'source'>) => RetainedBackup['pin'] {
  const { snapshots, unresolved_sources } = cases.pins();
  const attacked = new Set(quarantines.list().map(({ source }) => source));
  return ({ snapshot_id, source }) => {
    if (snapshots.has(snapshot_id)) return 'pinned';
    if (unresolved_sources.has(source)) return 'loss_open';
    return attacked.has(source) ? 'mass_change' : null;
  };
}
