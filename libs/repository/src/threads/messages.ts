import type { Entry } from '../api.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import type { ReturnTicket } from './pack-returns.ts';

/** What a thread needs to store files for one backup. */
export interface BeginBackup {
  readonly task: 'begin_backup';
  readonly keys: RepositoryKeys;
  /** The local copy of the index, which each thread opens for itself. */
  readonly index_file: string;
  readonly claim_tables: readonly SharedArrayBuffer[];
  readonly compress: boolean;
  readonly returns: ReturnTicket;
}

export interface StoreFiles {
  readonly task: 'store_files';
  readonly paths: readonly string[];
  /** A claim table that is new since the last message. */
  readonly new_table?: SharedArrayBuffer;
}

export interface EndBackup {
  readonly task: 'end_backup';
}

/** What a restored file is given when its bytes are written. */
export type FileMetadata = Pick<Entry, 'kind' | 'mode' | 'uid' | 'gid' | 'mtime_ns'>;

/** One piece of a file that is restored. */
export interface WritePiece {
  readonly path: string;
  /** Of the piece in the file. */
  readonly position: number;
  /** Of the piece in the raw block. */
  readonly offset: number;
  readonly length: number;
  /** Id of the chunk, recomputed before a byte is written. */
  readonly id: Uint8Array;
  /** The piece is the whole file: it is made, and finished with this. Otherwise the file stands already. */
  readonly whole?: FileMetadata;
}

/** Decode a block and write pieces of it. */
export interface WriteBlock {
  readonly task: 'write_block';
  readonly keys: RepositoryKeys;
  readonly pack: string;
  readonly pack_header: Uint8Array;
  readonly block: number;
  readonly codec: number;
  readonly raw_length: number;
  readonly sealed: Uint8Array;
  readonly pieces: readonly WritePiece[];
}

export type Task = BeginBackup | StoreFiles | EndBackup | WriteBlock;

/** What became of the files of one task, in their order, in memory that is handed over. */
export interface StoredBatch {
  /** Their encoded entries, one after the other. */
  readonly entries: Uint8Array;
  /** Length of each one's entry; 0: it could not be stored. */
  readonly lengths: Uint32Array;
  /** What change detection remembers of each. */
  readonly stamps: Float64Array;
  /** Those that could not be stored, by their place. */
  readonly failures: readonly { at: number; code: string | undefined; reason: string }[];
}

export interface FailedPiece {
  readonly piece: number;
  readonly reason: string;
}

export interface TaskResults {
  begin_backup: undefined;
  store_files: StoredBatch;
  end_backup: undefined;
  /** Pieces (by their place in the list) that could not be written, with the reason. */
  write_block: readonly FailedPiece[];
}

/** From a thread: an answer, a failure, or a pack that is done. */
export type FromThread =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly error: { message: string; code: string | undefined };
    }
  | {
      readonly kind: 'pack';
      readonly pack: { id: string; header: Uint8Array; table: Uint8Array; data: Uint8Array };
    };
