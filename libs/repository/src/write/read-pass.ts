import type { BackupRequest } from '../api.ts';
import { RepositoryError } from '../errors.ts';
import { keyToPath } from '../paths.ts';
import type { ChildRef } from '../tree/node.ts';
import { type Counts, EntryWriter } from './entry-writer.ts';
import { FileStorer, type FileStorerParts, type StoringLimits } from './file-storer.ts';
import { Scan, type ScanSink } from './scan.ts';
import { StatCache } from './stat-cache.ts';
import { TreeWriter } from './tree-writer.ts';

/** How much a backup does at once. */
export interface BackupLimits extends StoringLimits {
  /** So many entries may wait for a large file before them. */
  readonly waiting_max: number;
}

/** What all passes of one backup share. */
export interface PassParts extends Omit<FileStorerParts, 'signal'> {
  readonly limits: BackupLimits;
}

/** What a pass compares with: a tree, and when the reading of it began. */
export interface PassBefore {
  readonly root: ChildRef;
  readonly started_ms: number;
}

/** One pass over everything, or over the changes that are named. */
export interface PassRequest {
  readonly request: BackupRequest;
  readonly before: PassBefore | undefined;
  /** Called with each path that differs, once or more often. */
  readonly on_edit?: (path: string) => void;
}

/** The tree as the pass found it. */
export interface Pass extends PassBefore {
  readonly counts: Counts;
}

/** Reads what may have changed, and puts it into the tree. Rejects with `source_unreadable` where no root can be looked at. */
export async function readPass(parts: PassParts, { request, before, on_edit }: PassRequest): Promise<Pass> {
  const { engine, sink, packs, stampOf } = parts;
  const started_ms = engine.now_ms();
  const { host, source, dry_run = false } = request;
  const { db, file } = engine.index;
  const is_walk = request.changes === undefined || before === undefined;
  const tree = new TreeWriter(engine, sink, before?.root);
  using files = new FileStorer({ ...parts, signal: request.signal });
  using stats = new StatCache({ db, file, host, source, is_walk });
  const edit: TreeWriter['edit'] = (key, value) => {
    on_edit?.(keyToPath(key));
    tree.edit(key, value);
  };
  const target = on_edit === undefined ? tree : { edit };
  const entries = new EntryWriter({
    keys: engine.keys,
    request,
    before,
    tree: target,
    files,
    stats,
    stampOf,
  });
  const room = async () => {
    await files.room(() => entries.waiting <= parts.limits.waiting_max);
    if (!dry_run) await tree.settle(() => packs.checkpoint());
  };
  const parent_tree = before?.root.id.toString('hex');
  const scan = new Scan(engine, { request, parent_tree, sink: scanInto(entries, room) });
  await scan.run();
  if (scan.roots_readable === 0) throw noRoots(entries.unreadable);
  entries.scanned();
  await files.finish();
  scan.lookAgain();
  entries.settleVanished((key) => scan.keeps(key));
  const root = await tree.finish();
  stats.finish();
  return { root, started_ms, counts: entries.counts() };
}

function scanInto(entries: EntryWriter, room: () => Promise<void>): ScanSink {
  return {
    present: (item, before) => entries.present(item, before),
    gone: (key, before) => entries.gone(key, before),
    kept: (key) => entries.kept(key),
    unreadable: (path, reason) => entries.unreadable.push({ path, reason }),
    skipped: (path, reason) => entries.skipped.push({ path, reason }),
    room,
  };
}

function noRoots(unreadable: readonly { path: string; reason: string }[]): RepositoryError {
  const named = unreadable.map(({ path, reason }) => `${path}: ${reason}`).join('; ');
  return new RepositoryError('source_unreadable', named === '' ? 'nothing to back up was named' : named);
}
