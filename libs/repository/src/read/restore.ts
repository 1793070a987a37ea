import type { RestoreFailure, RestoreRequest, RestoreResult, Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, RepositoryError, reasonOf, throwIfAborted } from '../errors.ts';
import { syncFileSystem } from '../metadata.ts';
import { isWithin, keyToPath, parentKey, pathToKey } from '../paths.ts';
import { Slice } from '../slice.ts';
import { findValue, subtreeLeaves } from '../tree/cursor.ts';
import { decodeEntry, type StoredEntry } from '../tree/entry-codec.ts';
import { entriesWithin, type KeyedEntry } from './entry-ranges.ts';
import { type FileOutcome, FileRestorer } from './file-restorer.ts';
import { linkIdentity } from './link-identity.ts';
import type { Destination } from './output-file.ts';
import { newRestoreFile, packMetadata } from './restore-file.ts';
import { RestoreTarget } from './restore-target.ts';
import { SyncAhead } from './sync-ahead.ts';
import { unpackMetadata } from './write-blocks.ts';

/**
 * Puts a snapshot, or a part of it, below a folder. Files that stand in the way are replaced when their replacement
 * is whole; those that are already what was stored stay: a restore that was interrupted goes on when it is run again.
 * A failure concerns one path, is named, and the others go on. All is durable when it resolves.
 */
export async function restoreSnapshot(engine: Engine, request: RestoreRequest): Promise<RestoreResult> {
  const snapshot = await engine.snapshots.one(request.snapshot_id);
  const part = await partOf(engine, snapshot, request);
  using target = new RestoreTarget(request.target, {
    base: part.base,
    dry_run: request.dry_run ?? false,
  });
  using run = new RestoreRun(engine, { request, target });
  return await run.run(snapshot, part);
}

/** `base` goes straight into the target; `within` is what is looked at. */
interface Part {
  readonly base: string;
  readonly within: readonly string[] | undefined;
}

/** Of a folder its content; of one file itself: then its folder is the base. */
async function partOf(engine: Engine, snapshot: Snapshot, request: RestoreRequest): Promise<Part> {
  const { subfolder, within } = request;
  if (subfolder === undefined || subfolder === '/') return { base: '', within };
  const key = pathToKey(subfolder);
  const { load } = engine.nodes;
  const value = await findValue(load, snapshot.tree, key);
  if (value !== undefined && decodeEntry(value).kind !== 'directory') {
    return { base: parentKey(key) ?? '', within: [subfolder] };
  }
  for await (const _ of subtreeLeaves(load, snapshot.tree, key)) return { base: key, within };
  throw new RepositoryError('not_found', `${subfolder} is not in snapshot ${snapshot.id}`);
}

interface Link {
  readonly key: string;
  readonly entry: StoredEntry;
}

/** The names of one file: the first is restored, the others are links to it. */
interface LinkedFile {
  /** Where it stands, once it does. */
  at: Destination | undefined;
  readonly others: Link[];
}

class RestoreRun implements Disposable {
  readonly #engine: Engine;
  readonly #request: RestoreRequest;
  readonly #target: RestoreTarget;
  readonly #files: FileRestorer;
  readonly #disk: SyncAhead;
  readonly #failed: RestoreFailure[] = [];
  /** Folders that get their metadata at the end, outermost first. */
  readonly #folders = new Map<string, StoredEntry>();
  /** The folders above the present entry. */
  #above: KeyedEntry[] = [];
  /** By identity. */
  readonly #linked = new Map<string, LinkedFile>();
  readonly #link_groups = new Set<string>();
  readonly #done = { files: 0, bytes: 0, files_unchanged: 0, bytes_unchanged: 0, others: 0 };
  #totals: { files: number | null; bytes: number | null } = { files: null, bytes: null };

  constructor(engine: Engine, work: { request: RestoreRequest; target: RestoreTarget }) {
    this.#engine = engine;
    this.#request = work.request;
    this.#target = work.target;
    this.#disk = new SyncAhead(() => syncFileSystem(work.target.path));
    const on_done = (outcome: FileOutcome) => this.#fileDone(outcome);
    const { dry_run = false, signal } = work.request;
    this.#files = new FileRestorer(engine, { dry_run, folders: work.target.held, signal, on_done });
  }

  async run(snapshot: Snapshot, part: Part): Promise<RestoreResult> {
    if (part.base === '' && part.within === undefined && this.#request.select === undefined) {
      this.#totals = { files: snapshot.files, bytes: snapshot.bytes };
    }
    this.#target.make();
    try {
      await this.#walk(snapshot, part);
      await this.#files.finish();
      await this.#makeLinks();
      throwIfAborted(this.#request.signal);
    } catch (error) {
      await this.#files.abandon();
      await this.#disk.abandon();
      throw error;
    }
    if (!this.#request.dry_run) await this.#finishFolders();
    return { ...this.#done, failed: this.#failed };
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  async #walk(snapshot: Snapshot, part: Part): Promise<void> {
    const slice = new Slice();
    for await (const items of entriesWithin(this.#engine.nodes.load, snapshot.tree, part)) {
      for (const item of items) {
        throwIfAborted(this.#request.signal);
        await this.#restore(item);
        const rest = slice.rest();
        if (rest !== undefined) await rest;
      }
    }
  }

  async #restore(item: KeyedEntry): Promise<void> {
    try {
      this.#climb(item);
      if (item.leads || this.#target.isBase(item.key) || !this.#isWanted(item.key)) return;
      for (const folder of this.#above) await this.#makeFolder(folder);
      if (item.entry.kind !== 'file') this.#done.others += 1;
      if (item.entry.kind === 'symlink') await this.#makeSymlink(item);
      else if (item.entry.kind === 'file' && !this.#isLater(item)) await this.#makeFile(item);
    } catch (error) {
      this.#fail(item.key, error);
    }
  }

  /** Keeps `#above` level with the entry. */
  #climb(item: KeyedEntry): void {
    while (this.#above.length > 0 && !isWithin(item.key, this.#above.at(-1)?.key ?? '')) this.#above.pop();
    if (item.entry.kind === 'directory') this.#above.push(item);
  }

  async #makeFolder({ key, entry }: KeyedEntry): Promise<void> {
    if (this.#folders.has(key) || this.#target.isBase(key)) return;
    this.#target.folder(key);
    this.#folders.set(key, entry);
  }

  async #makeSymlink({ key, entry }: KeyedEntry): Promise<void> {
    const to = this.#target.destination(key);
    if (this.#request.dry_run) return;
    const metadata = unpackMetadata(packMetadata(entry));
    const notes = this.#target.makeSymlink(to, entry.target ?? Buffer.alloc(0), metadata);
    if (notes !== undefined) this.#note(key, notes);
  }

  /**
   * A further name of a file that is being restored is linked at the end. So late comes, too, another file of the same
   * group: where both names stand in the target as one inode, the first has that, and this one gets its own.
   */
  #isLater({ key, entry }: KeyedEntry): boolean {
    const identity = linkIdentity(entry);
    if (identity === undefined) return false;
    const known = this.#linked.get(identity);
    const is_first = known === undefined && !this.#link_groups.has(entry.link_group as string);
    this.#link_groups.add(entry.link_group as string);
    if (known !== undefined) known.others.push({ key, entry });
    else this.#linked.set(identity, { at: undefined, others: is_first ? [] : [{ key, entry }] });
    return !is_first;
  }

  async #makeFile({ key, entry }: Link, changes: { is_linked?: boolean } = {}): Promise<void> {
    const to = this.#target.destination(key);
    await this.#files.add({ ...newRestoreFile(key, entry, to), ...changes });
  }

  #fileDone({ file, is_unchanged }: FileOutcome): void {
    if (file.failure !== undefined) {
      this.#failed.push({ path: keyToPath(file.key), ...file.failure });
      return;
    }
    this.#note(file.key, file.notes);
    const identity = linkIdentity(file.entry);
    const linked = identity === undefined ? undefined : this.#linked.get(identity);
    if (linked !== undefined) linked.at = file.to;
    if (!is_unchanged && !this.#request.dry_run) this.#disk.wrote(file.entry.size);
    this.#count(file.entry, is_unchanged);
  }

  /** Where the first name could not be made, the next one takes its place: no name is linked to what may be another file. */
  async #makeLinks(): Promise<void> {
    for (let round = [...this.#linked.values()]; round.length > 0; ) {
      for (const file of round) {
        const next = file.at === undefined ? file.others.shift() : undefined;
        const making = next && this.#makeFile(next, { is_linked: false });
        await making?.catch((error) => this.#fail(next?.key ?? '', error));
      }
      await this.#files.finish();
      round = round.filter(({ at, others }) => at === undefined && others.length > 0);
    }
    for (const { at, others } of this.#linked.values()) {
      if (at !== undefined) for (const link of others) this.#makeLink(link, at);
    }
  }

  #makeLink({ key, entry }: Link, first: Destination): void {
    throwIfAborted(this.#request.signal);
    try {
      const to: Destination = this.#target.destination(key);
      this.#count(entry, !this.#target.makeLink(to, first));
    } catch (error) {
      this.#fail(key, error);
    }
  }

  /** From the innermost out: what is made in a folder changes its mtime. */
  async #finishFolders(): Promise<void> {
    const slice = new Slice();
    for (const [key, entry] of [...this.#folders].reverse()) {
      try {
        const metadata = unpackMetadata(packMetadata(entry));
        this.#note(key, this.#target.finishFolder(key, metadata));
      } catch (error) {
        this.#fail(key, error);
      }
      await slice.rest();
    }
    await this.#disk.finish();
  }

  #isWanted(key: string): boolean {
    return this.#request.select?.(keyToPath(key)) ?? true;
  }

  #count(entry: StoredEntry, is_unchanged: boolean): void {
    this.#done.files += 1;
    this.#done.bytes += entry.size;
    if (is_unchanged) {
      this.#done.files_unchanged += 1;
      this.#done.bytes_unchanged += entry.size;
    }
    this.#request.on_progress?.({
      files_done: this.#done.files,
      bytes_done: this.#done.bytes,
      files_total: this.#totals.files,
      bytes_total: this.#totals.bytes,
    });
  }

  #note(key: string, notes: readonly string[]): void {
    for (const reason of notes) this.#failed.push({ path: keyToPath(key), reason, is_damage: false });
  }

  #fail(key: string, error: unknown): void {
    if (isRepositoryError(error, 'interrupted')) throw error;
    const is_damage = isRepositoryError(error, 'repo_damaged');
    this.#failed.push({ path: keyToPath(key), reason: reasonOf(error), is_damage });
  }
}
