/**
 * What the engine does for others. No NATS, no HTTP, no policy: callers say what is read and when.
 * Paths are absolute; a name that is not UTF-8 is spelled with lone surrogates (Python's surrogateescape), so that
 * every name survives the round trip. Errors carry a code: `wrong_password`, `repo_not_found`, `repo_damaged` …
 */
import type { ForgetOptions } from './deletion/forget.ts';
import type { KeyRing } from './key-ring.ts';
import type { PruneOptions, PruneResult } from './maintain/prune.ts';

export type EntryKind = 'file' | 'directory' | 'symlink';

/** One path in a snapshot with all that a restore needs. */
export interface Entry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  /** Permission bits and setuid, setgid, sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime_ns: bigint;
  /** `sha256:<hex>` of a file's bytes; empty for others. */
  readonly checksum: string;
  /** Ids of its chunks, in order. */
  readonly chunks: readonly string[];
  /** Target of a symlink. */
  readonly target?: string;
  /** `<dev>:<ino>` of a file with several names, equal for all of them in this snapshot. */
  readonly link_group?: string;
  /** Extended attributes (ACLs of POSIX are `system.posix_acl_*`), in order of their names' bytes; never an empty list. */
  readonly xattrs?: readonly Xattr[];
  /** The file occupied less space than its size: a restore makes holes of its runs of zeros. */
  readonly sparse?: true;
}

/** One extended attribute; a name that is not UTF-8 is spelled like such a path. */
export interface Xattr {
  readonly name: string;
  readonly value: Buffer;
}

/** What one source held at one moment: a whole tree, never a difference. */
export interface Snapshot {
  readonly id: string;
  readonly host: string;
  readonly source: string;
  /** As of when, for ordering: later than that of its parent, also where the clock went back. */
  readonly time_ms: number;
  /** What the clock said when it began: what people are shown, and what names its day. */
  readonly started_ms: number;
  readonly roots: readonly string[];
  /** Id of the root node of the tree. */
  readonly tree: string;
  readonly parent: string | null;
  readonly files: number;
  readonly bytes: number;
  /** What the caller gave; kept as it is. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What is read, and what it is compared with. */
export interface BackupRequest {
  readonly host: string;
  readonly source: string;
  /** Files and folders to read. */
  readonly roots: readonly string[];
  /** False leaves a path out; a folder that is left out is not entered. */
  readonly select?: (path: string, kind: EntryKind) => boolean;
  /** The snapshot to compare with; default: the newest of this host and source. */
  readonly parent?: string | null;
  /** Read everything again, whatever stat says. */
  readonly full?: boolean;
  /** Only these paths are looked at (their subtrees too); all else is carried over from the parent. */
  readonly changes?: readonly string[];
  /** Paths whose entry is carried over from the parent whatever stands on disk: they have an open loss case. */
  readonly carry?: ReadonlySet<string>;
  /** What lies below `from` is read below `at`, where a frozen copy of it is, and stored as what it is a copy of. All is walked. */
  readonly read_at?: { readonly from: string; readonly at: string };
  /**
   * Called after each pass of reading. True: it is looked at again, and what changed meanwhile is read again. Where a pass
   * finds nothing changed, all is stored as it was at any moment between that pass and the one before.
   */
  readonly settle?: (pass: ReadPass) => Promise<boolean>;
  /** Called with each path that differs from the parent, as it is found; with `settle`, in the first pass. */
  readonly on_difference?: (path: string) => void;
  /** Called at the end, just before the snapshot is sealed: what it returns is kept in the snapshot. */
  readonly metadata: (stats: BackupStats) => Record<string, unknown>;
  readonly compression?: boolean;
  /** Reads and compares, stores nothing; the snapshot of the result is not committed. */
  readonly dry_run?: boolean;
  readonly on_progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What a pass found changed since the one before; since the parent, the first. */
export interface ReadPass {
  /** From 1. */
  readonly number: number;
  readonly changed: number;
  /** The first of them. */
  readonly paths: readonly string[];
}

/** How far a backup or a restore is; a total is null while it is not known. */
export interface Progress {
  readonly files_done: number;
  readonly files_total: number | null;
  readonly bytes_done: number;
  readonly bytes_total: number | null;
}

/** What a backup found and stored. */
export interface BackupStats {
  readonly files: number;
  readonly bytes: number;
  readonly files_new: number;
  readonly files_changed: number;
  readonly files_removed: number;
  /** Bytes read from the sources, and bytes added to the repository. */
  readonly bytes_read: number;
  readonly bytes_stored: number;
  readonly duration_ms: number;
  /**
   * Paths that could not be read, each with its reason. The snapshot keeps what the parent had of them (a file that
   * cannot be read for once is not lost with the last snapshot that has it); what is new is not in it.
   */
  readonly unreadable: readonly { path: string; reason: string }[];
  /** Files that changed whenever they were read: what was read last is stored, and may be of two moments. */
  readonly unsteady?: readonly { path: string; reason: string }[];
  /** Paths that are neither file, folder nor symlink: sockets, fifos, devices. They are not kept. */
  readonly skipped?: readonly { path: string; reason: string }[];
  /** Root of the tree: the checksum of the whole content. */
  readonly tree: string;
}

/** The snapshot that was made, or the one that nothing differs from. */
export interface BackupResult {
  readonly snapshot: Snapshot;
  readonly stats: BackupStats;
  /** Nothing differed from the parent: no snapshot was made and `snapshot` is the parent (only with `skip_unchanged`). */
  readonly unchanged: boolean;
}

/** A content that a path had, and the newest snapshot that holds it. */
export interface Version {
  readonly snapshot: Snapshot;
  readonly entry: Entry;
}

/** One path that differs between two snapshots; undefined where it is not there. */
export interface Difference {
  readonly path: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** Where a comparison goes on, and where the first of the two snapshots is. */
export interface DiffOptions {
  /** Only what comes behind this path: where one that was broken off goes on. */
  readonly behind?: string | undefined;
  /** The repository that holds the snapshot before: a copy, or what this is a copy of (`bad_request` for any other). */
  readonly before_in?: Repository | undefined;
}

/** What is put back, and where. */
export interface RestoreRequest {
  readonly snapshot_id: string;
  /** Absolute paths are put below it as they were named. It may be a symlink to a folder. */
  readonly target: string;
  /** Put the content of this stored folder straight into target. */
  readonly subfolder?: string;
  /** Only these stored paths and what is below them is looked at: its cost is that of what they hold. */
  readonly within?: readonly string[];
  readonly select?: (path: string) => boolean;
  /** Looks at what stands in the target, and changes nothing. */
  readonly dry_run?: boolean;
  readonly on_progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What was restored, and what could not be, each with its reason. */
export interface RestoreResult {
  /** Files, and their bytes, that stand now as they were stored. */
  readonly files: number;
  readonly bytes: number;
  /** Those of them that stood so already (an interrupted restore goes on): read and compared, not written. */
  readonly files_unchanged: number;
  readonly bytes_unchanged: number;
  /** Folders and symlinks that were chosen. */
  readonly others: number;
  readonly failed: readonly RestoreFailure[];
}

/** A path that was not restored; or was, but for an attribute, which the reason then names (`xattr NAME: …`). */
export interface RestoreFailure {
  readonly path: string;
  readonly reason: string;
  /** The repository does not hold what was stored. */
  readonly is_damage: boolean;
}

/** What damage reaches: a file of a snapshot, or a range of paths where a node of the tree cannot be read. */
export interface Reach {
  readonly snapshot_id: string;
  readonly path: string;
  /** Of a range: the first path that is not in it (null: it goes to the end). A single file has none. */
  readonly until?: string | null;
}

/** Damage that was found, named by what it reaches. */
export interface CheckProblem {
  readonly object: string;
  readonly problem: string;
  /** Snapshots and files that it reaches, the first 100,000. */
  readonly reaches: readonly Reach[];
  /** How many there are. */
  readonly reaches_count: number;
  /** True: no snapshot needs it, all that it held is to be had elsewhere. */
  readonly harmless: boolean;
}

/** Which packs are read: a fixed part of them (the third of ten), or so many percent chosen by chance. */
export type PackSubset = { readonly part: number; readonly of: number } | { readonly percent: number };

/** How far a check goes. */
export interface CheckRequest {
  /** Every byte, not structure alone. */
  readonly read_data?: boolean;
  /** With `read_data`: of these packs only. */
  readonly subset?: PackSubset;
  readonly on_problem: (problem: CheckProblem) => void;
  /** While data is read; packs are counted as files. */
  readonly on_progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What is copied from another repository. */
export interface CopyRequest {
  /** By id, prefix or `latest`; default: all. */
  readonly snapshots?: readonly string[];
  readonly filter?: { readonly host?: string; readonly source?: string };
  /** How hard it is tried: levels 1, 3, 9 and 19 of zstd. */
  readonly compression?: 'fast' | 'default' | 'high' | 'max';
  readonly on_progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What was copied, and what could not be. */
export interface CopyResult {
  /** Oldest first: the id that it has there, and the snapshot here. */
  readonly copied: readonly { readonly from: string; readonly snapshot: Snapshot }[];
  /** So many of the chosen ones were here before. */
  readonly there_before: number;
  /** Snapshots that are damaged there: nothing of them was committed. */
  readonly failed: readonly { readonly snapshot_id: string; readonly reason: string }[];
  readonly chunks: number;
  readonly bytes_read: number;
  readonly bytes_stored: number;
  readonly duration_ms: number;
}

/** Where a repair may look for what is lost. */
export interface RepairRequest {
  /** A repository that names chunks in the same way, most of all a copy. */
  readonly from?: Repository;
  /** Looks at the files themselves, where they were when they were backed up. */
  readonly live?: boolean;
  /** Forgets snapshots that cannot be read and were found nowhere. Default: they are left where they are. */
  readonly forget_broken?: boolean;
  /** Looks, and changes nothing. */
  readonly dry_run?: boolean;
  readonly on_progress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What a repair did (with `dry_run`: would do), and what is left. */
export interface RepairResult {
  /** Marks, tombstones and pending objects that could not be read and were replaced. */
  readonly deletion_mended: readonly string[];
  /** Packs that no index named, and that one names now. */
  readonly packs_indexed: readonly string[];
  /** Packs that are used no more: all that was sound in them lies in new ones. */
  readonly packs_taken_out: readonly string[];
  readonly indexes_removed: readonly string[];
  /** Chunks that were lost and are stored again, by where they were found; and sound ones of damaged packs. */
  readonly chunks_from_second: number;
  readonly chunks_from_live: number;
  readonly chunks_salvaged: number;
  /** Snapshots that were brought back: the id that was lost, and the one that they have now (null in a dry run). */
  readonly snapshots_restored: readonly { readonly lost: string; readonly snapshot_id: string | null }[];
  readonly snapshots_forgotten: readonly string[];
  readonly bytes_stored: number;
  /** What could not be mended, with what it reaches. */
  readonly problems: readonly CheckProblem[];
}

/** Chunks, each counted once: their bytes, and what these take compressed and sealed. */
export interface ChunkFigures {
  readonly chunks: number;
  readonly bytes: number;
  readonly bytes_stored: number;
}

/** What a repository holds, and what it takes. */
export interface RepositoryStats {
  readonly snapshots: number;
  /** Of all these snapshots together, as if each were restored. */
  readonly files: number;
  readonly bytes: number;
  /** What files are made of, and the nodes of trees. */
  readonly content: ChunkFigures;
  readonly trees: ChunkFigures;
  /** Of one snapshot: what no other needs, which is what forgetting it would free. */
  readonly only_here?: ChunkFigures;
  /** The whole repository. */
  readonly stored: {
    readonly packs: number;
    readonly blocks: number;
    readonly chunks: number;
    readonly pack_bytes: number;
    readonly index_bytes: number;
    readonly snapshot_bytes: number;
    /** In packs, of no use to any snapshot: not reached, or a second copy. */
    readonly waste_bytes: number;
    /** In packs that no index names: backups that were cut short. */
    readonly unindexed_bytes: number;
  };
}

/** An opened repository. Disposing ends its threads and closes its cache. */
export interface Repository extends AsyncDisposable {
  readonly id: string;
  readonly location: string;
  /** The slots that open it. */
  readonly keys: KeyRing;
  /** Newest first. */
  snapshots(filter?: { host?: string; source?: string }): Promise<Snapshot[]>;
  /** By full id, unambiguous prefix, or `latest`; rejects with `snapshot_not_found`. */
  snapshot(id: string): Promise<Snapshot>;
  /** Stores and commits; after it resolves a power cut does not lose it. `skip_unchanged`: no snapshot where nothing differs. */
  backup(request: BackupRequest & { skip_unchanged?: boolean }): Promise<BackupResult>;
  /** The entry of one path: a few node loads. */
  find(snapshot: Snapshot, path: string): Promise<Entry | undefined>;
  /** Entries in path order, all or below one folder. */
  entries(snapshot: Snapshot, under?: string): AsyncIterable<Entry>;
  /** Every distinct content that a path had, newest first, with the newest snapshot that holds it. */
  versions(path: string, filter?: { host?: string; source?: string }): AsyncIterable<Version>;
  /** The bytes of a file, verified chunk by chunk and as a whole; rejects with `repo_damaged`. */
  read(entry: Entry): Promise<Buffer>;
  /** The bytes piece by piece, verified; for files larger than memory should hold. */
  read_stream(entry: Entry): AsyncIterable<Buffer>;
  /** Calls `use` for each file in the order that reads each block once; several at a time. */
  read_many(entries: readonly Entry[], use: (entry: Entry, data: Buffer) => Promise<void>): Promise<void>;
  /** What differs between two snapshots, in path order; cost follows the difference. */
  diff(before: Snapshot, after: Snapshot, options?: DiffOptions): AsyncIterable<Difference>;
  restore(request: RestoreRequest): Promise<RestoreResult>;
  /** Removes snapshots, leaving a tombstone of each; ids as `snapshot` takes them. `prune` frees what only they reached. */
  forget(ids: readonly string[], options?: ForgetOptions): Promise<void>;
  /** Frees what nobody needs and tidies up; safe beside backups, restores and other prunes, and to kill. */
  prune(options?: PruneOptions): Promise<PruneResult>;
  /** Structure; with `read_data` every byte. Calls back for each problem, at the end. */
  check(request: CheckRequest): Promise<void>;
  /**
   * Copies snapshots with all that they reach from a repository that names chunks in the same way (`bad_request` for any
   * other: see InitOptions.ids_of). Those that are here are passed over, so a copy that was cut short is gone on with.
   */
  copy_from(source: Repository, request?: CopyRequest): Promise<CopyResult>;
  /**
   * Reads every byte and mends what can be mended: nothing sound is ever given up, and nothing is removed before what
   * takes its place is durable. Killed at any point it is run again; run twice it does nothing the second time.
   */
  repair(request?: RepairRequest): Promise<RepairResult>;
  /** Of all snapshots, or of one. Walks all trees, reads no file. Memory stays flat. */
  stats(snapshot?: Snapshot): Promise<RepositoryStats>;
}
