import type { Entry } from '../api.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import type { ChunkKind } from '../pack/pack-writer.ts';
import type { FileStat } from '../write/store-file.ts';

/** What a thread needs to store files for one backup. */
export interface BeginBackup {
  readonly task: 'begin_backup';
  readonly keys: RepositoryKeys;
  /** The local copy of the index, which each thread opens for itself. */
  readonly index_file: string;
  readonly claim_tables: readonly SharedArrayBuffer[];
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number;
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

/** Verify every byte of a pack against its index, its own footer and the ids of its chunks. */
export interface CheckPack {
  readonly task: 'check_pack';
  readonly keys: RepositoryKeys;
  readonly index_file: string;
  /** 32 hex digits. */
  readonly pack: string;
  readonly data: Uint8Array;
}

/** What is wrong with a pack: nothing, in most. */
export interface CheckedPack {
  readonly problems: readonly string[];
  /** Ids, one after the other, of the chunks that cannot be had from it. */
  readonly lost: Uint8Array;
}

/** A chunk of a block that is copied into another repository. */
export interface CopyPiece {
  readonly id: Uint8Array;
  /** Of the chunk in the raw block. */
  readonly offset: number;
  readonly length: number;
  readonly kind: ChunkKind;
}

/** Decode a block of another repository and store chunks of it; between `begin_backup` and `end_backup`. */
export interface CopyBlock {
  readonly task: 'copy_block';
  /** Of the repository that the block is of. */
  readonly keys: RepositoryKeys;
  readonly pack: string;
  readonly pack_header: Uint8Array;
  readonly block: number;
  readonly codec: number;
  readonly raw_length: number;
  readonly sealed: Uint8Array;
  readonly pieces: readonly CopyPiece[];
}

export type Task = CopyBlock | BeginBackup | StoreFiles | EndBackup | WriteBlock | CheckPack;

/** What became of one file: what was stored, or why it could not be. */
export type StoreResult =
  | {
      readonly ok: true;
      readonly stat: FileStat;
      readonly digest: Uint8Array;
      readonly is_list: boolean;
      readonly ids: Uint8Array;
      readonly xattrs?: Uint8Array;
    }
  | { readonly ok: false; readonly code: string | undefined; readonly reason: string };

export interface FailedPiece {
  readonly piece: number;
  readonly reason: string;
}

export interface TaskResults {
  begin_backup: undefined;
  store_files: readonly StoreResult[];
  end_backup: undefined;
  /** Pieces (by their place in the list) that could not be written, with the reason. */
  write_block: readonly FailedPiece[];
  check_pack: CheckedPack;
  /** Pieces (by their place in the list) that could not be had. */
  copy_block: readonly number[];
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
