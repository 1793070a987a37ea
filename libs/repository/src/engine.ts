import type { BlobStore } from '@holdfast/storage/blob-store';
import type { RepositoryKeys } from './crypto/keys.ts';
import type { IndexCache } from './index/index-cache.ts';
import type { ChunkReader } from './read/chunk-reader.ts';
import type { NodeReader } from './read/node-reader.ts';
import type { SnapshotList } from './snapshot/snapshot-list.ts';
import type { WorkerPool } from './threads/worker-pool.ts';

/** The parts of an open repository, joined in repository.ts. */
export interface Engine {
  readonly store: BlobStore;
  readonly keys: RepositoryKeys;
  readonly index: IndexCache;
  readonly chunks: ChunkReader;
  readonly nodes: NodeReader;
  readonly snapshots: SnapshotList;
  readonly pool: WorkerPool;
  /** What the clock says, in ms: for people, and to tell who has been silent for long. Nothing is safe because of it. */
  readonly now_ms: () => number;
}
