import type { Entry } from '../api.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import type { ChunkKind } from '../pack/pack-writer.ts';
import type { RealFolder } from '../read/held-folders.ts';
import type { ReturnTicket } from './pack-returns.ts';

/** What a thread needs to store files for one backup. */
export interface BeginBackup {
  readonly task: 'begin_backup';
  readonly keys: RepositoryKeys;
  /** The local copy of the index, which each thread opens for itself. */
  readonly index_file: string;
  readonly claim_tables: readonly SharedArrayBuffer[];
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number | undefined;
  /** Of a pack; default: that of backups. */
  readonly pack_bytes?: number | undefined;
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

/** What a restored file is given when its bytes are written; attributes as the tree has them. */
export interface PackedMetadata extends Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime_ns'> {
  readonly packed_xattrs?: Uint8Array;
}

/** A file that is written whole. */
export interface NewFile {
  readonly folder: RealFolder;
  readonly name: string;
  /** The name that it has until it is whole; without one it is made under its own. */
  readonly beside: string | undefined;
  readonly metadata: PackedMetadata;
}

/** What is written of one chunk. */
export interface WritePiece {
  /** Of the chunk in the raw block. */
  readonly offset: number;
  readonly length: number;
  /** Runs of zeros become holes. */
  readonly is_sparse: boolean;
  /** The chunk is all of this file; or it goes into an open one. */
  readonly to: NewFile | { readonly fd: number; readonly position: number };
}

/** One block and all that is wanted of it. */
export interface WriteBlock {
  readonly number: number;
  readonly codec: number;
  readonly raw_length: number;
  /** Where its ciphertext lies in the bytes that came with the task. */
  readonly at: number;
  readonly sealed_length: number;
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
  /** Prefixes of ids, one after the other, of the chunks that cannot be had from it. */
  readonly lost: Uint8Array;
}

/** Decode blocks of one pack and write pieces of them. */
export interface WriteBlocks {
  readonly task: 'write_blocks';
  readonly keys: RepositoryKeys;
  readonly pack: string;
  readonly pack_header: Uint8Array;
  readonly sealed: Uint8Array;
  readonly blocks: readonly WriteBlock[];
  /** 32 bytes for each piece in turn: the SHA-256 of a whole file, else the id of the chunk. Nothing else is written. */
  readonly expected: Uint8Array;
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

/** A file that should be there already, and is looked at. */
export interface FileToVerify {
  readonly folder: RealFolder;
  readonly name: string;
  readonly size: number;
  readonly metadata: PackedMetadata;
  /** Several of its names are restored: it may have more than one. */
  readonly is_linked: boolean;
}

/** Compare files with what they should be, byte by byte, and mend their metadata. */
export interface VerifyFiles {
  readonly task: 'verify_files';
  readonly files: readonly FileToVerify[];
  /** SHA-256 of each, 32 bytes. */
  readonly digests: Uint8Array;
  /** Nothing is changed, the metadata neither. */
  readonly dry_run: boolean;
}

export type Task = BeginBackup | StoreFiles | EndBackup | CopyBlock | WriteBlocks | VerifyFiles | CheckPack;

/** What became of the files of one task, in their order, in memory that is handed over. */
export interface StoredBatch {
  /** Their encoded entries, one after the other. */
  readonly entries: Uint8Array;
  /** Length of each one's entry; 0: it could not be stored. */
  readonly lengths: Uint32Array;
  /** What change detection remembers of each. */
  readonly stamps: Float64Array;
  /** Those that changed whenever they were read, by their place. */
  readonly unsteady: readonly number[];
  /** Those that could not be stored, by their place. */
  readonly failures: readonly { at: number; code: string | undefined; reason: string }[];
}

/** What became of a piece that is not simply written. */
export interface PieceProblem {
  /** By its place among all pieces of the task. */
  readonly piece: number;
  /** Undefined: it is written. */
  readonly failure?: { readonly reason: string; readonly is_damage: boolean };
  /** Attributes that could not be set. */
  readonly notes?: readonly string[];
}

/** Whether a file stands as it should, and the attributes of it that could not be set. */
export interface FileVerdict {
  readonly is_right: boolean;
  readonly notes: readonly string[];
}

export interface TaskResults {
  begin_backup: undefined;
  store_files: StoredBatch;
  end_backup: undefined;
  check_pack: CheckedPack;
  write_blocks: readonly PieceProblem[];
  /** One for each file. */
  verify_files: readonly FileVerdict[];
  /** Pieces (by their place in the list) that could not be had. */
  copy_block: readonly number[];
}

/** From a thread: that it is ready to work, an answer, a failure, or a pack that is done. */
export type FromThread =
  | { readonly kind: 'loaded' }
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
