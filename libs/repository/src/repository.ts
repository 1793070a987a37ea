import type { BlobStore } from '@holdfast/storage/blob-store';
import type { Repository } from './api.ts';
import type { MasterSecrets, RepositoryKeys } from './crypto/keys.ts';
import type { Engine } from './engine.ts';
import { engineOf, setEngine } from './engine-of.ts';
import { fromStorage } from './errors.ts';
import { createGate, type Gate } from './gate.ts';
import { IndexCache } from './index/index-cache.ts';
import { rememberSnapshots } from './index/index-database.ts';
import { createKeyRing } from './key-ring.ts';
import { ChunkReader } from './read/chunk-reader.ts';
import { findEntry, listDifferences, listEntries, listVersions } from './read/entries.ts';
import { NodeReader } from './read/node-reader.ts';
import { readFile, readMany, readPieces } from './read/read-file.ts';
import { SnapshotList } from './snapshot/snapshot-list.ts';
import { WorkerPool } from './threads/worker-pool.ts';

export interface RepositoryParts {
  readonly store: BlobStore;
  readonly keys: RepositoryKeys;
  readonly opened: { readonly secrets: MasterSecrets; readonly slot_id: string };
  readonly cache_dir: string | undefined;
  readonly now_ms: (() => number) | undefined;
}

/**
 * Joins the parts of an unlocked repository: all wiring is here. The large parts are loaded when they are asked for: one
 * file must be back within 300 ms of a cold start.
 */
export function createRepository(parts: RepositoryParts): Repository {
  const { store, keys } = parts;
  const index = new IndexCache(store, keys, parts.cache_dir);
  const chunks = new ChunkReader({ store, keys, index });
  const nodes = new NodeReader(chunks);
  const snapshots = new SnapshotList(store, keys, (ids) => rememberSnapshots(index.db, ids));
  const pool = new WorkerPool();
  const now_ms = parts.now_ms ?? Date.now;
  const engine: Engine = { store, keys, index, chunks, nodes, snapshots, pool, now_ms };
  const writers = createGate();
  const prunes = createGate();

  const repository: Repository = {
    id: keys.repository_id.toString('hex'),
    location: store.location,
    keys: createKeyRing(store, keys.repository_id, parts.opened),
    snapshots: (filter) => snapshots.all(filter).catch(rethrow),
    snapshot: (id) => snapshots.one(id).catch(rethrow),
    async backup(request) {
      const { runBackup } = await import('./write/backup.ts');
      // Side by side: an edit does not wait for the walk of another source.
      return writers.shared(() => runBackup(engine, request)).catch(rethrow);
    },
    ...readingOf(engine),
    async restore(request) {
      const { restoreSnapshot } = await import('./read/restore.ts');
      return restoreSnapshot(engine, request).catch(rethrow);
    },
    ...upkeepOf(engine, { writers, prunes }),
    async [Symbol.asyncDispose]() {
      await prunes.alone(async () => undefined);
      await writers.alone(() => pool[Symbol.asyncDispose]());
      index[Symbol.dispose]();
    },
  };
  setEngine(repository, engine);
  return repository;
}

type Reading = 'find' | 'entries' | 'versions' | 'diff' | 'read' | 'read_stream' | 'read_many';

function readingOf(engine: Engine): Pick<Repository, Reading> {
  return {
    find: (snapshot, path) => findEntry(engine, snapshot, path),
    entries: (snapshot, under) => listEntries(engine, snapshot, under),
    async *versions(path, filter) {
      yield* listVersions(engine, await engine.snapshots.all(filter), path);
    },
    diff: (before, after, options = {}) => listDifferences(engine, [before, after], options),
    read: (entry) => readFile(engine, entry),
    read_stream: (entry) => readPieces(engine, entry),
    read_many: (entries, use) => readMany(engine, entries, use),
  };
}

type Upkeep = 'forget' | 'prune' | 'check' | 'copy_from' | 'repair' | 'stats';

function upkeepOf(engine: Engine, { writers, prunes }: Gates): Pick<Repository, Upkeep> {
  return {
    async forget(ids, options) {
      const { forgetSnapshots } = await import('./deletion/forget.ts');
      return forgetSnapshots(engine, ids, options);
    },
    // It uses no thread of the pool, and backups must not wait for it.
    prune: (options = {}) =>
      prunes.alone(async () => {
        const { pruneRepository } = await import('./maintain/prune.ts');
        return pruneRepository(engine, options);
      }),
    async check(request) {
      const { checkRepository } = await import('./check/check-repository.ts');
      return checkRepository(engine, request);
    },
    copy_from: (source, request = {}) =>
      writers.alone(async () => {
        const { copySnapshots } = await import('./copy/copy-snapshots.ts');
        return copySnapshots(engineOf(source), engine, request);
      }),
    repair: (request = {}) =>
      writers.alone(async () => {
        const { repairRepository } = await import('./repair/repair-repository.ts');
        return repairRepository(engine, request);
      }),
    async stats(snapshot) {
      const { repositoryStats } = await import('./stats/repository-stats.ts');
      return repositoryStats(engine, snapshot);
    },
  };
}

function rethrow(error: unknown): never {
  throw fromStorage(error);
}

interface Gates {
  readonly writers: Gate;
  readonly prunes: Gate;
}
