import type { Repository } from '@holdfast/repository/api';

/** What this service asks of the repository. */
export type Engine = Pick<
  Repository,
  | 'id'
  | 'location'
  | 'snapshots'
  | 'snapshot'
  | 'backup'
  | 'find'
  | 'entries'
  | 'versions'
  | 'read_stream'
  | 'read_many'
  | 'restore'
> &
  Partial<Removal>;

/** How snapshots go; an engine without it keeps everything. */
export interface Removal {
  /** Durable when it resolves; rejects with `snapshot_not_found` for an id that is not there. */
  forget(ids: readonly string[], options?: { reason?: string }): Promise<void>;
  /** Frees what no snapshot needs any more. */
  prune(options?: { signal?: AbortSignal }): Promise<unknown>;
}
