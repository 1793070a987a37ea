import type { BackupRequest, BackupStats, Progress } from '../api.ts';
import { ByteWriter } from '../bytes.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { keyToPath } from '../paths.ts';
import { digestUnlessChanged, isSameEntry, type NewEntry, writeEntry } from '../tree/entry-codec.ts';
import type { FileOutcome, FileStorer } from './file-storer.ts';
import { InOrder } from './in-order.ts';
import { readXattrsAt } from './read-xattrs.ts';
import type { Stamper } from './stamp.ts';
import type { StatCache } from './stat-cache.ts';
import type { TreeWriter } from './tree-writer.ts';
import type { WalkItem } from './walk.ts';

/** A timestamp this close before the parent's start proves nothing: clocks of file systems tick as slowly as 2 s. */
const TRUST_MARGIN_MS = 2_000;
const NO_BYTES = Buffer.alloc(0);
const FILE = 0;

export interface EntryWriterParts {
  readonly keys: RepositoryKeys;
  readonly request: BackupRequest;
  /** What it is compared with; undefined: there is nothing. */
  readonly before: { readonly started_ms: number } | undefined;
  readonly tree: Pick<TreeWriter, 'edit'>;
  readonly files: FileStorer;
  readonly stats: StatCache;
  readonly stampOf: Stamper;
}

interface ReadFile {
  readonly key: string;
  readonly before: Buffer | undefined;
}

/** What a pass over files found. */
export type Counts = Pick<
  BackupStats,
  'files_new' | 'files_changed' | 'files_removed' | 'bytes_read' | 'unreadable' | 'unsteady' | 'skipped'
>;

/** Turns what a scan found into edits of the tree, in the order of the scan, reading what may have changed. */
export class EntryWriter {
  readonly unreadable: { path: string; reason: string }[] = [];
  /** Files that stood when they were walked over, and were gone when they were to be read. */
  readonly #vanished: { key: string; before: Buffer }[] = [];
  readonly #unsteady: { path: string; reason: string }[] = [];
  readonly skipped: { path: string; reason: string }[] = [];
  readonly #parts: EntryWriterParts;
  readonly #order = new InOrder();
  readonly #writer = new ByteWriter(512);
  readonly #trusted_before_seconds: number;
  #files_new = 0;
  #files_changed = 0;
  #files_removed = 0;
  #bytes_read = 0;
  #progress = { files_done: 0, bytes_done: 0, files_seen: 0, bytes_seen: 0, is_scanned: false };

  constructor(parts: EntryWriterParts) {
    this.#parts = parts;
    this.#trusted_before_seconds = Math.floor(((parts.before?.started_ms ?? 0) - TRUST_MARGIN_MS) / 1000);
  }

  /** How many wait for a file before them. */
  get waiting(): number {
    return this.#order.length;
  }

  present(item: WalkItem, before: Buffer | undefined): void {
    if (item.kind === 'file') this.#presentFile(item, before);
    else this.#presentOther(item, before);
  }

  gone(key: string, before: Buffer): void {
    this.#parts.tree.edit(key, undefined);
    if (before[0] === FILE) this.#files_removed += 1;
  }

  /** A path that is kept as the parent has it, whatever stands there. */
  kept(key: string): void {
    this.#order.pass(() => this.#parts.stats.carryOver(key));
  }

  /** Nothing more will be found: totals are known. */
  scanned(): void {
    this.#progress.is_scanned = true;
    this.#report();
  }

  /** After all files are read: what vanished is gone, unless it is to stay as the parent has it. */
  settleVanished(isKept: (key: string) => boolean): void {
    for (const { key, before } of this.#vanished.splice(0)) if (!isKept(key)) this.gone(key, before);
  }

  counts(): Counts {
    return {
      files_new: this.#files_new,
      files_changed: this.#files_changed,
      files_removed: this.#files_removed,
      bytes_read: this.#bytes_read,
      unreadable: this.unreadable,
      unsteady: this.#unsteady,
      skipped: this.skipped,
    };
  }

  #presentOther(item: WalkItem, before: Buffer | undefined): void {
    writeEntry(this.#writer.reset(), entryOf(item));
    const view = this.#writer.view();
    if (before?.equals(view)) return;
    const value = Buffer.from(view);
    this.#order.pass(() => this.#put(item.key, value, before));
  }

  #presentFile(item: WalkItem, before: Buffer | undefined): void {
    const { key, path, stat } = item;
    this.#progress.files_seen += 1;
    this.#progress.bytes_seen += stat.size;
    const stamp = before === undefined ? undefined : this.#stampIfUnchanged(item, before);
    if (stamp !== undefined) {
      this.#order.pass(() => this.#parts.stats.remember(key, stamp));
      this.#done(stat.size);
      return;
    }
    const turn = this.#order.begin();
    const { size } = stat;
    const done = (outcome: FileOutcome) => {
      // Thousands may wait for a large file: what they hold on to is this.
      turn.take = () => this.#stored({ key, before }, outcome);
      this.#done(size);
      this.#order.advance();
    };
    this.#parts.files.add({ path, size, done });
  }

  /** Undefined: it has to be read. */
  #stampIfUnchanged({ key, stat }: WalkItem, before: Buffer): number | undefined {
    const limit = this.#trusted_before_seconds;
    const is_old = stat.mtime_seconds < limit && stat.ctime_seconds < limit;
    if (this.#parts.request.full || !is_old) return undefined;
    const digest = digestUnlessChanged(before, { ...stat, kind: 'file' });
    if (digest === undefined) return undefined;
    const stamp = this.#parts.stampOf(stat, digest);
    return this.#parts.stats.holds(key, stamp) ? stamp : undefined;
  }

  #stored(item: ReadFile, outcome: FileOutcome): void {
    const { before } = item;
    if (outcome.ok) {
      this.#parts.stats.remember(item.key, outcome.stamp);
      this.#put(item.key, outcome.value, before);
      this.#bytes_read += outcome.size;
      if (!outcome.is_steady)
        this.#unsteady.push({ path: keyToPath(item.key), reason: 'it changed whenever it was read' });
    } else if (outcome.code === 'ENOENT' || outcome.code === 'ENOTDIR') {
      if (before !== undefined) this.#vanished.push({ key: item.key, before });
    } else {
      // The snapshot keeps what the parent had of it, if anything: the tree is not edited.
      this.unreadable.push({ path: keyToPath(item.key), reason: outcome.reason });
    }
  }

  #put(key: string, value: Buffer, before: Buffer | undefined): void {
    if (before !== undefined && isSameEntry(this.#parts.keys, before, value)) return;
    this.#parts.tree.edit(key, value);
    const is_file = value[0] === FILE;
    const was_file = before?.[0] === FILE;
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
    const report = this.#parts.request.on_progress;
    if (report === undefined) return;
    const { files_done, bytes_done, files_seen, bytes_seen, is_scanned } = this.#progress;
    const progress: Progress = {
      files_done,
      bytes_done,
      files_total: is_scanned ? files_seen : null,
      bytes_total: is_scanned ? bytes_seen : null,
    };
    report(progress);
  }
}

/** The entry of a folder or a symlink. */
function entryOf(item: WalkItem): NewEntry {
  const { mode, uid, gid, mtime_seconds, mtime_rest_ns } = item.stat;
  const xattrs = readXattrsAt(item.path);
  return {
    kind: item.kind,
    size: 0,
    mode,
    uid,
    gid,
    mtime_seconds,
    mtime_rest_ns,
    digest: NO_BYTES,
    is_list: false,
    ids: NO_BYTES,
    ...(item.target !== undefined && { target: item.target }),
    ...(xattrs !== undefined && { xattrs }),
  };
}
