import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { Snapshot } from '@holdfast/repository/api';
import { pathFilter } from '../backup-run/path-filter.ts';
import type { Engine } from '../engine.ts';
import { type ReadDeps, readCopy } from '../tiers/read-copies.ts';

const GLOB = /[*?[\]{}()!]/;

/** Tells of a backup whether it holds a file: an absolute path is looked up, a name or glob is compared with all paths. */
export function fileFinder(deps: ReadDeps, wanted: string): (manifest: BackupManifest) => Promise<boolean> {
  const look =
    wanted.startsWith('/') && !GLOB.test(wanted)
      ? async (repository: Engine, snapshot: Snapshot) =>
          (await repository.find(snapshot, wanted)) !== undefined
      : (repository: Engine, snapshot: Snapshot) => anyMatches(repository, snapshot, pathFilter([wanted]));
  // Backups with the same content have the same answer.
  const known = new Map<string, boolean>();
  return async (manifest) => {
    const content = manifest.sources[0]?.checksum ?? '';
    const answer =
      known.get(content) ??
      (await readCopy(deps, manifest, async ({ repository, snapshot_id }) =>
        look(repository, await repository.snapshot(snapshot_id)),
      ));
    known.set(content, answer);
    return answer;
  };
}

async function anyMatches(
  repository: Engine,
  snapshot: Snapshot,
  matches: (path: string) => boolean,
): Promise<boolean> {
  for await (const entry of repository.entries(snapshot)) {
    if (entry.kind === 'file' && matches(entry.path)) return true;
  }
  return false;
}
