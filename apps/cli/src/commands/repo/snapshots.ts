import type { Snapshot } from '@holdfast/repository/api';
import type { Command } from 'commander';
import { bytes, localTime, printJson, printTable } from '../../output/print.ts';
import { type RepoOptions, withRepoOptions, withRepository } from './with-repository.ts';

interface SnapshotsOptions extends RepoOptions {
  host?: string;
  source?: string;
}

/** `repo snapshots` */
export function registerSnapshots(repo: Command): void {
  withRepoOptions(repo.command('snapshots').description('List snapshots, newest first'))
    .option('--host <name>', 'of this host only')
    .option('--source <name>', 'of this source only')
    .action(snapshots);
}

async function snapshots(options: SnapshotsOptions): Promise<void> {
  const { host, source } = options;
  const filter = { ...(host !== undefined && { host }), ...(source !== undefined && { source }) };
  const found = await withRepository(options, (repository) => repository.snapshots(filter));
  if (options.json) {
    printJson(found.map(snapshotAsJson));
    return;
  }
  const rows = found.map((snapshot) => [
    snapshot.id.slice(0, 8),
    localTime(timeOf(snapshot)),
    snapshot.host,
    snapshot.source,
    snapshot.files,
    bytes(snapshot.bytes),
  ]);
  printTable(['id', 'time', 'host', 'source', 'files', 'size'], rows);
}

/** A snapshot as `--json` shows it. */
function snapshotAsJson(snapshot: Snapshot) {
  const { id, host, source, roots, tree, parent, files, bytes: size, metadata } = snapshot;
  return {
    id,
    snapshot_id: id,
    short_id: id.slice(0, 8),
    time: timeOf(snapshot),
    host,
    source,
    paths: roots,
    tree,
    parent,
    files,
    bytes: size,
    metadata,
  };
}

/** What the clock said: that `time_ms` rises from each to the next is for the engine. */
function timeOf(snapshot: Snapshot): string {
  return new Date(snapshot.started_ms).toISOString();
}
