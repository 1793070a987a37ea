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
  | 'diff'
  | 'read_stream'
  | 'read_many'
  | 'restore'
  | 'forget'
  | 'prune'
  | 'repair'
  | 'copy_from'
>;
