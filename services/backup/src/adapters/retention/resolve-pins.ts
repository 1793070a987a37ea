import { choosePin } from '../../domain/pins/decide.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import type { PinnedCase } from './case-table.ts';

/** Most cases are closed before; while a recovery runs, the engine is left to it. */
const OPEN_FOR_MS = 3_000;
const EVERY_MS = 5_000;
const VERSIONS_MAX = 100;

/** Looks, for each case that stays open, for the snapshot that holds the very version that is wanted, and pins it. */
export function keepPins(deps: SnapshotDeps): AsyncDisposable {
  const { clock, log } = deps.context;
  const stopping = new AbortController();
  let working = Promise.resolve();
  let cancel: () => void = () => undefined;
  const round = () => {
    working = resolveAll(deps, stopping.signal)
      .catch((error: unknown) => log.warn({ err: error }, 'pins could not be looked up; will retry'))
      .finally(() => {
        if (!stopping.signal.aborted) cancel = clock.after(EVERY_MS, round);
      });
  };
  cancel = clock.after(EVERY_MS, round);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancel();
      await working;
    },
  };
}

async function resolveAll(deps: SnapshotDeps, signal: AbortSignal): Promise<void> {
  const { state, context } = deps;
  for (const lost of state.cases.unresolved(context.clock.now_ms() - OPEN_FOR_MS)) {
    if (signal.aborted) return;
    const pin = choosePin(lost, await versionsOf(deps, lost));
    // No version at all is an answer too: what was pinned at the loss stays, as not exact.
    const resolved = pin ?? (lost.pin && { ...lost.pin, exact: false });
    if (resolved !== null) state.write(() => state.cases.pin(lost.event_id, resolved));
  }
}

async function versionsOf({ repository, context }: SnapshotDeps, lost: PinnedCase) {
  const versions: { snapshot_id: string; checksum: string }[] = [];
  const filter = { host: context.host, source: lost.source };
  for await (const { snapshot, entry } of repository.versions(lost.path, filter)) {
    versions.push({ snapshot_id: snapshot.id, checksum: entry.checksum });
    if (entry.checksum === lost.wanted || versions.length === VERSIONS_MAX) break;
  }
  return versions;
}
