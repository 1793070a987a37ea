import type { BackupRequest, BackupStats, Progress } from '../api.ts';
import type { StoredSnapshot } from '../snapshot/snapshot-object.ts';
import type { StoreResult } from '../threads/messages.ts';
import { decodeEntry, encodeEntry, type StoredEntry } from '../tree/entry-codec.ts';
import type { FileStorer } from './file-storer.ts';
import { readXattrsAt } from './read-xattrs.ts';
import type { StatCache } from './stat-cache.ts';
import type { FileStat } from './store-file.ts';
import type { TreeWriter } from './tree-writer.ts';
import type { WalkItem } from './walk.ts';

/** A timestamp this close before the parent's start proves nothing: clocks of file systems tick as slowly as 2 s. */
const TRUST_MARGIN_NS = 2_000_000_000n;
const NS_PER_MS = 1_000_000n;
const NO_BYTES = Buffer.alloc(0);

export interface EntryWriterParts {
  readonly request: BackupRequest;
  readonly parent: StoredSnapshot | undefined;
  readonly tree: TreeWriter;
  readonly files: FileStorer;
  readonly stats: StatCache;
}

type Counts = Pick<
  BackupStats,
  'files_new' | 'files_changed' | 'files_removed' | 'bytes_read' | 'unreadable' | 'skipped'
>;

/** Turns what a scan found into edits of the tree, reading what may have changed. */
export class EntryWriter {
  readonly unreadable: { path: string; reason: string }[] = [];
  readonly skipped: { path: string; reason: string }[] = [];
  readonly #parts: EntryWriterParts;
  readonly #trusted_before_ns: bigint;
  #files_new = 0;
  #files_changed = 0;
  #files_removed = 0;
  #bytes_read = 0;
  #progress = { files_done: 0, bytes_done: 0, files_seen: 0, bytes_seen: 0, is_scanned: false };

  constructor(parts: EntryWriterParts) {
    this.#parts = parts;
    this.#trusted_before_ns = BigInt(parts.parent?.started_ms ?? 0) * NS_PER_MS - TRUST_MARGIN_NS;
  }

  present(item: WalkItem, before: Buffer | undefined): void {
    if (item.kind === 'file') this.#presentFile(item, before);
    else this.#put(item.key, encodeEntry({ ...entryOf(item), ...xattrsOf(item) }), before);
  }

  gone(key: string, before: Buffer): void {
    this.#parts.tree.edit(key, undefined);
    if (decodeEntry(before).kind === 'file') this.#files_removed += 1;
  }

  /** Nothing more will be found: totals are known. */
  scanned(): void {
    this.#progress.is_scanned = true;
    this.#report();
  }

  counts(): Counts {
    return {
      files_new: this.#files_new,
      files_changed: this.#files_changed,
      files_removed: this.#files_removed,
      bytes_read: this.#bytes_read,
      unreadable: this.unreadable,
      skipped: this.skipped,
    };
  }

  #presentFile(item: WalkItem, before: Buffer | undefined): void {
    this.#progress.files_seen += 1;
    this.#progress.bytes_seen += item.stat.size;
    const known = before === undefined ? undefined : decodeEntry(before);
    if (known !== undefined && this.#isUnchanged(item, known)) {
      this.#done(item.stat.size);
      return;
    }
    const { path } = item;
    const done = (result: StoreResult) => this.#stored(item, { result, before });
    this.#parts.files.add({ path, size: item.stat.size, done });
  }

  #isUnchanged(item: WalkItem, known: StoredEntry): boolean {
    const { stat } = item;
    if (this.#parts.request.full || known.kind !== 'file') return false;
    const is_old = stat.mtime_ns < this.#trusted_before_ns && stat.ctime_ns < this.#trusted_before_ns;
    const looks_same = is_old && stat.size === known.size && stat.mtime_ns === known.mtime_ns;
    return looks_same && this.#parts.stats.fits(item.key, stat, known.digest);
  }

  #stored(item: WalkItem, outcome: { result: StoreResult; before: Buffer | undefined }): void {
    const { result, before } = outcome;
    if (result.ok) {
      const digest = asBuffer(result.digest);
      this.#parts.stats.remember(item.key, result.stat, digest);
      const { is_list } = result;
      const content = {
        size: result.stat.size,
        digest,
        is_list,
        ids: asBuffer(result.ids),
        ...(result.xattrs !== undefined && { xattrs: asBuffer(result.xattrs) }),
        ...(result.stat.is_sparse && { sparse: true as const }),
      };
      this.#put(item.key, encodeEntry({ ...entryOf({ ...item, stat: result.stat }), ...content }), before);
      this.#bytes_read += result.stat.size;
    } else if (result.code === 'ENOENT' || result.code === 'ENOTDIR') {
      if (before !== undefined) this.gone(item.key, before);
    } else {
      // The snapshot keeps what the parent had of it, if anything: the tree is not edited.
      this.unreadable.push({ path: item.path, reason: result.reason });
    }
    this.#done(item.stat.size);
  }

  #put(key: string, value: Buffer, before: Buffer | undefined): void {
    if (before?.equals(value)) return;
    this.#parts.tree.edit(key, value);
    const is_file = value[0] === 0;
    const was_file = before?.[0] === 0;
    if (is_file && was_file) this.#files_changed += 1;
    else if (is_file) this.#files_new += 1;
    else if (was_file) this.#files_removed += 1;
  }

  #done(bytes: number): void {
    this.#progress.files_done += 1;
    this.#progress.bytes_done += bytes;
    this.#report();
  }

  #report(): void {
    const { files_done, bytes_done, files_seen, bytes_seen, is_scanned } = this.#progress;
    const progress: Progress = {
      files_done,
      bytes_done,
      files_total: is_scanned ? files_seen : null,
      bytes_total: is_scanned ? bytes_seen : null,
    };
    this.#parts.request.on_progress?.(progress);
  }
}

/** The entry of what stands, without content. */
function entryOf(item: WalkItem): StoredEntry {
  return {
    kind: item.kind,
    size: 0,
    ...ownerOf(item.stat),
    mtime_ns: item.stat.mtime_ns,
    digest: NO_BYTES,
    is_list: false,
    ids: NO_BYTES,
    ...(item.target !== undefined && { target: item.target }),
    ...(item.kind === 'file' && linkOf(item.stat)),
  };
}

function xattrsOf({ path }: WalkItem): { xattrs?: Buffer } {
  const xattrs = readXattrsAt(path);
  return xattrs === undefined ? {} : { xattrs };
}

function ownerOf(stat: FileStat): Pick<StoredEntry, 'mode' | 'uid' | 'gid'> {
  return { mode: stat.mode, uid: stat.uid, gid: stat.gid };
}

function linkOf(stat: FileStat): { link_group?: string } {
  return stat.nlink > 1 ? { link_group: `${stat.dev}:${stat.ino}` } : {};
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
