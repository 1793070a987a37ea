/** A file that is lost or corrupt: from the event that says so until something good stands there, or need not. */
export interface LossCase {
  /** Id of the event that opened it. */
  readonly event_id: string;
  readonly path: string;
  readonly source: string;
  readonly kind: 'deleted' | 'corrupted';
  /** Of the last good version. */
  readonly wanted: string;
  /** Of the bad bytes, where they were seen. */
  readonly bad: string | null;
  readonly opened_ms: number;
}

/** The version that must not be deleted while the case is open. */
export interface Pin {
  readonly snapshot_id: string;
  /** It holds the very bytes that are wanted; false: the newest good ones; null: not looked up yet. */
  readonly exact: boolean | null;
}
