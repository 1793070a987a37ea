import { Slice } from '@holdfast/repository/slice';
import { HOT } from '@holdfast/runtime/repository-place';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { pinnedBackups } from '../retention/pinned-backups.ts';
import type { CatalogedBackup } from '../retention/retention-table.ts';
import type { Copy } from '../tiers/copy-table.ts';
import { NOT_IN_REPOSITORY } from './catalog-table.ts';

const EVERY_MS = 600_000;

/**
 * Tells, once, of each backup whose snapshot hot does not have any more although nobody asked this service: BackupDeleted,
 * or BackupCopyRemoved where another tier has a copy; how many. Where hot has none at all, only the latter, unless
 * `even_all`: a disk that goes away while the service runs most likely comes back. Should it do so later, the next start
 * takes in again what it finds.
 */
export async function tellVanished(deps: SnapshotDeps, { even_all } = { even_all: false }): Promise<number> {
  const { state, context, repository } = deps;
  // First what is known, then what is there: one that is made meanwhile must not look as if it were gone.
  const known = await cataloged(deps);
  const there = new Set((await repository.snapshots()).map(({ id }) => id));
  const gone = known
    .filter(({ snapshot_id }) => !there.has(snapshot_id))
    .flatMap(({ backup_id }) => state.copies.of(backup_id).filter(({ tier }) => tier === HOT))
    .filter((copy) => even_all || there.size > 0 || othersOf(deps, copy).length > 0);
  if (there.size === 0 && known.length > 0) {
    context.log.error({ backups: known.length }, 'the repository is empty: is its disk mounted?');
  }
  if (gone.length === 0) return 0;
  state.write(() => {
    for (const copy of gone) tell(deps, copy);
  });
  const backups = gone.map(({ backup_id }) => backup_id);
  context.log.warn({ backups }, 'backups were removed from the repository beside this service');
  return backups.length;
}

function othersOf({ state }: SnapshotDeps, { backup_id, tier }: Copy): string[] {
  return state.copies.of(backup_id).flatMap((copy) => (copy.tier === tier ? [] : [copy.tier]));
}

function tell(deps: SnapshotDeps, copy: Copy): void {
  const { state } = deps;
  const { backup_id, tier, snapshot_id } = copy;
  // Its removal through this service came between: that is told by itself.
  if (state.retention.get(backup_id) === undefined) return;
  const kept_in = othersOf(deps, copy);
  if (kept_in.length > 0) {
    const data = { backup_id, tier, snapshot_id, kept_in, reason: NOT_IN_REPOSITORY };
    state.tell('BackupCopyRemoved', { subject: backup_id, data });
  } else {
    const data = { backup_id, snapshot_id, reason: NOT_IN_REPOSITORY };
    state.tell('BackupDeleted', { subject: backup_id, data });
  }
}

/** Looks now and then; what a look cannot do now the next one does. */
export function watchVanished(deps: SnapshotDeps): AsyncDisposable {
  const { clock, log } = deps.context;
  let stopped = false;
  let working: Promise<unknown> = Promise.resolve();
  let cancel: () => void = () => undefined;
  const round = () => {
    working = tellVanished(deps)
      .catch((error: unknown) => log.warn({ err: error }, 'the repository could not be listed; will retry'))
      .finally(() => {
        if (!stopped) cancel = clock.after(EVERY_MS, round);
      });
  };
  cancel = clock.after(EVERY_MS, round);
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      cancel();
      await working;
    },
  };
}

async function cataloged({ state }: SnapshotDeps): Promise<CatalogedBackup[]> {
  const all: CatalogedBackup[][] = [];
  for (const source of state.retention.sources()) all.push(await pinnedBackups(state, source, new Slice()));
  return all.flat();
}
