import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  type Stats,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { BackupRequest, BackupStats, Entry, Snapshot } from '@holdfast/repository/api';
import type { Engine } from '../../src/adapters/engine.ts';

const NOTHING_FREED = {
  ...{ packs: 0, bytes: 0, bytes_wasted: 0, packs_removed: 0, packs_rewritten: 0 },
  ...{ bytes_removed: 0, bytes_written: 0, damaged: [], writers_revoked: 0 },
};

const NOTHING_MENDED = {
  ...{ deletion_mended: [], packs_indexed: [], packs_taken_out: [], indexes_removed: [] },
  ...{ chunks_from_second: 0, chunks_from_live: 0, chunks_salvaged: 0, bytes_stored: 0 },
  ...{ snapshots_restored: [], snapshots_forgotten: [], problems: [] },
};

type Tree = Map<string, Entry>;

/** Snapshots in memory, taken from the real disk: what the service needs of an engine, without one. */
export interface MemoryRepository extends Engine {
  /** Called after snapshots are forgotten and before `forget` resolves: a crash between the two. */
  onForgotten: (ids: readonly string[]) => void | Promise<void>;
  /** How often it was mended: what is damaged comes back from the files that still stand. */
  repairs: number;
  /** How often space was freed. */
  prunes: number;
  /** Called after a snapshot is committed and before `backup` resolves: a crash between the two. */
  onCommitted: (snapshot: Snapshot) => void | Promise<void>;
  /** Called before anything is read. */
  onBackup: (request: BackupRequest) => void | Promise<void>;
  /** Paths whose chunks are damaged. */
  readonly damaged: Set<string>;
  /** Paths that the disk refuses to read. */
  readonly unreadable: Set<string>;
  readonly requests: BackupRequest[];
}

export function memoryRepository(): MemoryRepository {
  const made: Made = [];
  const contents = new Map<string, Buffer>();
  let count = 0;
  const treeOf = (id: string): Tree => made.find(({ snapshot }) => snapshot.id === id)?.tree ?? new Map();
  const damaged = new Set<string>();
  const unreadable_paths = new Set<string>();
  const read = async ({ path, checksum }: Entry): Promise<Buffer> => {
    if (damaged.has(path)) throw new HoldfastError('repo_damaged', `pack of ${path}`);
    return contents.get(checksum) ?? Buffer.alloc(0);
  };
  const list = listIn(made);
  const repository: MemoryRepository = {
    damaged,
    unreadable: unreadable_paths,
    id: 'memory',
    location: 'memory:',
    requests: [],
    onCommitted: () => undefined,
    onBackup: () => undefined,
    onForgotten: () => undefined,
    prunes: 0,
    repairs: 0,
    forget: async (ids) => {
      forgetIn(made, ids);
      await repository.onForgotten(ids);
    },
    prune: async () => ({ ...NOTHING_FREED, snapshots: ++repository.prunes }),
    snapshots: list,
    snapshot: async (id) => {
      const found = made.find(({ snapshot }) => snapshot.id === id);
      if (found === undefined) throw new HoldfastError('snapshot_not_found', id);
      return found.snapshot;
    },
    backup: async (request) => {
      repository.requests.push(request);
      await repository.onBackup(request);
      const [newest] = await list({ source: request.source });
      const parent = request.parent ?? newest?.id ?? null;
      const before = parent === null ? new Map<string, Entry>() : treeOf(parent);
      const { tree, unreadable } = readTree(request, before, { contents, refused: unreadable_paths });
      const stats = statsOf(before, tree, unreadable);
      // Nothing changes while it is read.
      for (let number = 1; await request.settle?.({ number, changed: 0, paths: [] }); number += 1);
      if (request.skip_unchanged && isUnchanged(stats) && newest !== undefined) {
        return { snapshot: newest, stats, unchanged: true };
      }
      const snapshot = snapshotOf(request, { stats, parent, number: count++ });
      made.push({ snapshot, tree });
      await repository.onCommitted(snapshot);
      return { snapshot, stats, unchanged: false };
    },
    copy_from: refuseCopies,
    find: async (snapshot, path) => treeOf(snapshot.id).get(path),
    entries: async function* (snapshot) {
      yield* treeOf(snapshot.id).values();
    },
    diff: (before, after) => differencesOf(treeOf(before.id), treeOf(after.id)),
    repair: async () => mendIn(repository),
    versions: (path, filter) => versionsIn(made, path, filter?.source),
    ...readers(read),
    restore: ({ snapshot_id, target, select = () => true }) =>
      restoreAll(
        [...treeOf(snapshot_id).values()].filter(({ path }) => select(path)),
        target,
        read,
      ),
  };
  return repository;
}

async function refuseCopies(): Promise<never> {
  throw new HoldfastError('bad_request', 'a repository in memory takes no copies');
}

function isUnchanged({ files_new, files_changed, files_removed }: BackupStats): boolean {
  return files_new + files_changed + files_removed === 0;
}

function readers(read: (entry: Entry) => Promise<Buffer>): Pick<Engine, 'read_stream' | 'read_many'> {
  return {
    read_stream: async function* (entry) {
      yield await read(entry);
    },
    read_many: async (entries, use) => {
      for (const entry of entries) await use(entry, await read(entry));
    },
  };
}

function mendIn(repository: MemoryRepository) {
  repository.repairs += 1;
  for (const path of repository.damaged) if (existsSync(path)) repository.damaged.delete(path);
  return NOTHING_MENDED;
}

async function* differencesOf(old: Tree, now: Tree): ReturnType<Engine['diff']> {
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const pair = { path, before: old.get(path), after: now.get(path) };
    if (pair.before?.checksum !== pair.after?.checksum) yield pair;
  }
}

async function* versionsIn(
  made: Made,
  path: string,
  source: string | undefined,
): ReturnType<Engine['versions']> {
  for (const { snapshot, tree } of made.toReversed()) {
    const entry = tree.get(path);
    if (entry !== undefined && (source ?? snapshot.source) === snapshot.source) yield { snapshot, entry };
  }
}

function listIn(made: Made): Engine['snapshots'] {
  return async ({ source } = {}) =>
    made
      .map(({ snapshot }) => snapshot)
      .filter((one) => source === undefined || one.source === source)
      .toReversed();
}

type Made = { snapshot: Snapshot; tree: Tree }[];

function forgetIn(made: Made, ids: readonly string[]): void {
  const missing = ids.find((id) => !made.some(({ snapshot }) => snapshot.id === id));
  if (missing !== undefined) throw new HoldfastError('snapshot_not_found', missing);
  made.splice(0, made.length, ...made.filter(({ snapshot }) => !ids.includes(snapshot.id)));
}

function snapshotOf(
  { host, source, roots, metadata: seal }: BackupRequest,
  { stats, parent, number }: { stats: BackupStats; parent: string | null; number: number },
): Snapshot {
  const { files, bytes, tree } = stats;
  const id = createHash('sha256').update(`${number} ${tree}`).digest('hex');
  const metadata = structuredClone(seal(stats));
  const time_ms = Date.now();
  return { id, host, source, time_ms, started_ms: time_ms, roots, tree, parent, files, bytes, metadata };
}

async function restoreAll(chosen: readonly Entry[], target: string, read: (entry: Entry) => Promise<Buffer>) {
  for (const entry of chosen) {
    const path = join(target, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await read(entry), { mode: entry.mode });
    const mtime = Number(entry.mtime_ns) / 1e9;
    utimesSync(path, mtime, mtime);
  }
  const bytes = chosen.reduce((sum, { size }) => sum + size, 0);
  return { files: chosen.length, bytes, files_unchanged: 0, bytes_unchanged: 0, others: 0, failed: [] };
}

function readTree(
  request: BackupRequest,
  before: Tree,
  { contents, refused }: { contents: Map<string, Buffer>; refused: ReadonlySet<string> },
) {
  const tree: Tree = request.changes === undefined ? new Map() : new Map(before);
  const unreadable: { path: string; reason: string }[] = [];
  const look = (path: string): void => {
    if (request.carry?.has(path)) return;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    tree.delete(path);
    if (stat === undefined || isLeftOut(request, path, stat)) return;
    if (stat.isDirectory()) for (const name of readdirSync(path)) look(join(path, name));
    else lookAtFile(path, stat);
  };
  const lookAtFile = (path: string, stat: Stats): void => {
    try {
      if (refused.has(path)) throw new Error('EACCES: permission denied');
      tree.set(path, entryOf(path, stat, contents));
    } catch (error) {
      unreadable.push({ path, reason: String(error) });
      const kept = before.get(path);
      if (kept !== undefined) tree.set(path, kept);
    }
  };
  for (const path of request.changes ?? request.roots) look(path);
  for (const path of request.carry ?? []) {
    const entry = before.get(path);
    if (entry !== undefined) tree.set(path, entry);
  }
  return { tree: new Map([...tree].sort(([one], [other]) => (one < other ? -1 : 1))), unreadable };
}

function isLeftOut({ select }: BackupRequest, path: string, stat: Stats): boolean {
  return select !== undefined && !select(path, stat.isDirectory() ? 'directory' : 'file');
}

function entryOf(path: string, stat: Stats, contents: Map<string, Buffer>): Entry {
  const data = readFileSync(path);
  const checksum = `sha256:${createHash('sha256').update(data).digest('hex')}`;
  contents.set(checksum, data);
  const mtime_ns = BigInt(Math.trunc(stat.mtimeMs / 1000)) * 1_000_000_000n;
  const { size, uid, gid } = stat;
  return {
    path,
    kind: 'file',
    size,
    mode: stat.mode & 0o7777,
    uid,
    gid,
    mtime_ns,
    checksum,
    chunks: [checksum],
  };
}

function statsOf(before: Tree, tree: Tree, unreadable: { path: string; reason: string }[]) {
  const entries = [...tree.values()];
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return {
    files: entries.length,
    bytes,
    files_new: entries.filter(({ path }) => !before.has(path)).length,
    files_changed: entries.filter(
      ({ path, checksum }) => (before.get(path)?.checksum ?? checksum) !== checksum,
    ).length,
    files_removed: [...before.keys()].filter((path) => !tree.has(path)).length,
    bytes_read: bytes,
    bytes_stored: bytes,
    duration_ms: 1,
    unreadable,
    tree: createHash('sha256')
      .update(JSON.stringify(entries.map(({ path, checksum }) => [path, checksum])))
      .digest('hex'),
  };
}
