import { setImmediate } from 'node:timers/promises';
import type { SnapshotDeps } from './make-snapshot.ts';
import type { CatalogedBackup } from './retention-table.ts';

/** What BackupDeleted gives as its reason where somebody removed the snapshot beside this service: `repo forget`, `rm`. */
export const NOT_IN_REPOSITORY = 'not_in_repository';

const EVERY_MS = 600_000;
const PAGE = 500;

/**
 * Tells BackupDeleted, once, of each backup of the catalog whose snapshot the repository does not have any more; how
 * many. Where it has none at all nothing is told: its disk is not mounted, most likely, and comes back.
 */
export async function tellVanished(deps: SnapshotDeps): Promise<number> {
  const { state, context, repository } = deps;
  // First what is known, then what is there: one that is made meanwhile must not look as if it were gone.
  const known = await cataloged(deps);
  const there = new Set((await repository.snapshots()).map(({ id }) => id));
  const gone = known.filter(({ snapshot_id }) => !there.has(snapshot_id));
  if (gone.length === 0) return 0;
  const backups = gone.map(({ backup_id }) => backup_id);
  if (there.size === 0) {
    context.log.error({ backups: backups.length }, 'the repository is empty: is its disk mounted?');
    return 0;
  }
  state.write(() => {
    for (const { backup_id, snapshot_id } of gone) {
      // Its removal through this service came between: that is told by itself.
      if (state.retention.get(backup_id) === undefined) continue;
      const data = { backup_id, snapshot_id, reason: NOT_IN_REPOSITORY };
      state.tell('BackupDeleted', { subject: backup_id, data });
    }
  });
  context.log.warn({ backups }, 'backups were removed from the repository beside this service');
  return backups.length;
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
  const all: CatalogedBackup[] = [];
  for (const source of state.retention.sources()) {
    let page: CatalogedBackup[] = [];
    do {
      page = state.retention.page(source, page.at(-1) ?? null, PAGE);
      all.push(...page);
      await setImmediate();
    } while (page.length > 0);
  }
  return all;
}
