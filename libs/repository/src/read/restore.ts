import type { Entry, RestoreRequest, RestoreResult, Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, RepositoryError, reasonOf, throwIfAborted } from '../errors.ts';
import { applyMetadata, syncFileSystem } from '../metadata.ts';
import { isWithin, parentKey, pathToKey } from '../paths.ts';
import { Slice } from '../slice.ts';
import { BlockQueue, type PieceOutcome } from './block-queue.ts';
import { findEntry, listEntries } from './entries.ts';
import { makeFile, removeFile } from './output-file.ts';
import { RestoreTarget } from './restore-target.ts';

/** So many blocks are gathered before they are read, so that files of one block are written together. */
const BLOCKS_GATHERED = 64;
const NO_BYTES = Buffer.alloc(0);

/**
 * Puts a snapshot, or a part of it, below a folder. Files that stand in the way are replaced; a failure concerns one
 * path, is named, and the others go on. All is durable when it resolves.
 */
export async function restoreSnapshot(engine: Engine, request: RestoreRequest): Promise<RestoreResult> {
  const snapshot = await engine.snapshots.one(request.snapshot_id);
  const base = await baseOf(engine, snapshot, request.subfolder);
  const run = new RestoreRun(engine, { request, target: new RestoreTarget(request.target, base) });
  return run.run(snapshot);
}

/** What goes straight into the target: a folder's content, or one file (then its folder is the base). */
async function baseOf(engine: Engine, snapshot: Snapshot, subfolder: string | undefined): Promise<string> {
  if (subfolder === undefined || subfolder === '/') return '';
  const entry = await findEntry(engine, snapshot, subfolder);
  const key = pathToKey(subfolder);
  if (entry?.kind === 'directory') return key;
  if (entry !== undefined) return parentKey(key) ?? '';
  const [below] = await Array.fromAsync(takeOne(listEntries(engine, snapshot, subfolder)));
  if (below !== undefined) return key;
  throw new RepositoryError('not_found', `${subfolder} is not in snapshot ${snapshot.id}`);
}

async function* takeOne<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  for await (const item of items) {
    yield item;
    return;
  }
}

interface OpenFile {
  readonly entry: Entry;
  pieces_left: number;
  reason: string | undefined;
}

class RestoreRun {
  readonly #engine: Engine;
  readonly #request: RestoreRequest;
  readonly #target: RestoreTarget;
  readonly #failed: { path: string; reason: string }[] = [];
  /** Files of several pieces that are being written, by where they go. */
  readonly #open = new Map<string, OpenFile>();
  /** Folders that were made, with what becomes of them at the end. */
  readonly #folders = new Map<string, Entry>();
  /** The folders above the present entry. */
  #above: Entry[] = [];
  readonly #first_of_group = new Map<string, string>();
  readonly #links: { entry: Entry; place: string; first: string }[] = [];
  #files = 0;
  #bytes = 0;
  #totals: { files: number | null; bytes: number | null } = { files: null, bytes: null };

  constructor(engine: Engine, work: { request: RestoreRequest; target: RestoreTarget }) {
    this.#engine = engine;
    this.#request = work.request;
    this.#target = work.target;
  }

  async run(snapshot: Snapshot): Promise<RestoreResult> {
    const { subfolder, select, dry_run } = this.#request;
    if (subfolder === undefined && select === undefined) {
      this.#totals = { files: snapshot.files, bytes: snapshot.bytes };
    }
    if (!dry_run) this.#target.make();
    using blocks = new BlockQueue(this.#engine, (outcome) => this.#pieceDone(outcome));
    const slice = new Slice();
    for await (const entry of listEntries(this.#engine, snapshot, subfolder)) {
      throwIfAborted(this.#request.signal);
      if (dry_run) this.#count(entry);
      else await this.#restore(entry, blocks);
      if (blocks.waiting >= BLOCKS_GATHERED) await blocks.flush();
      await slice.rest();
    }
    await blocks.finish();
    if (!dry_run) await this.#finish();
    return { files: this.#files, bytes: this.#bytes, failed: this.#failed };
  }

  #count(entry: Entry): void {
    if (entry.kind === 'directory' || !this.#isWanted(entry)) return;
    this.#target.placeOf(entry.path);
    this.#fileDone(entry);
  }

  async #restore(entry: Entry, blocks: BlockQueue): Promise<void> {
    try {
      const place = this.#target.placeOf(entry.path);
      this.#climb(entry);
      if (place === undefined) return;
      if (this.#isWanted(entry)) await this.#make(entry, { place, blocks });
    } catch (error) {
      if (isRepositoryError(error, 'interrupted')) throw error;
      this.#fail(entry.path, reasonOf(error));
    }
  }

  /** Keeps `#above` level with the entry. */
  #climb(entry: Entry): void {
    const key = pathToKey(entry.path);
    while (this.#above.length > 0 && !isWithin(key, pathToKey(this.#above.at(-1)?.path ?? '/')))
      this.#above.pop();
    if (entry.kind === 'directory') this.#above.push(entry);
  }

  async #make(entry: Entry, to: { place: string; blocks: BlockQueue }): Promise<void> {
    this.#makeFoldersAbove();
    if (entry.kind === 'directory') return;
    this.#target.makeFolder(to.place.slice(0, to.place.lastIndexOf('/')) || '/');
    if (entry.kind === 'symlink') {
      this.#target.makeSymlink(to.place, entry);
      this.#fileDone(entry);
    } else if (!this.#isLater(entry, to.place)) {
      await this.#makeFile(entry, to);
    }
  }

  #makeFoldersAbove(): void {
    for (const folder of this.#above) {
      const place = this.#target.placeOf(folder.path);
      if (place === undefined || this.#folders.has(place)) continue;
      this.#target.makeFolder(place);
      this.#folders.set(place, folder);
    }
  }

  /** A further name of a file that is being restored is linked at the end. */
  #isLater(entry: Entry, place: string): boolean {
    if (entry.link_group === undefined) return false;
    const first = this.#first_of_group.get(entry.link_group);
    if (first === undefined) this.#first_of_group.set(entry.link_group, place);
    else this.#links.push({ entry, place, first });
    return first !== undefined;
  }

  async #makeFile(entry: Entry, to: { place: string; blocks: BlockQueue }): Promise<void> {
    const { place, blocks } = to;
    const metadata = metadataOf(entry);
    if (entry.chunks.length === 0) {
      makeFile(place, NO_BYTES);
      applyMetadata(place, metadata);
      this.#fileDone(entry);
      return;
    }
    const located = await Promise.all(
      entry.chunks.map((id) => this.#engine.index.locate(Buffer.from(id, 'hex'))),
    );
    const is_single = entry.chunks.length === 1;
    if (!is_single) makeFile(place, NO_BYTES, entry.size);
    this.#open.set(place, { entry, pieces_left: entry.chunks.length, reason: undefined });
    let position = 0;
    for (const [index, id] of entry.chunks.entries()) {
      const [chunk] = located[index] ?? [];
      if (chunk === undefined) continue;
      const { offset, length } = chunk;
      const piece = { path: place, position, offset, length, id: Buffer.from(id, 'hex') };
      blocks.add(chunk, is_single ? { ...piece, whole: metadata } : piece);
      position += length;
    }
  }

  #pieceDone({ piece, reason }: PieceOutcome): void {
    const file = this.#open.get(piece.path);
    if (file === undefined) return;
    file.pieces_left -= 1;
    file.reason ??= reason;
    if (file.pieces_left > 0) return;
    this.#open.delete(piece.path);
    try {
      if (file.reason !== undefined) throw new Error(file.reason);
      if (piece.whole === undefined) applyMetadata(piece.path, metadataOf(file.entry));
      this.#fileDone(file.entry);
    } catch (error) {
      this.#fail(file.entry.path, reasonOf(error));
      this.#removeTorn(piece.path);
    }
  }

  /** A file that could not be written whole is not left under its name. */
  #removeTorn(place: string): void {
    try {
      removeFile(place);
    } catch (error) {
      this.#fail(place, `what is left of it could not be removed: ${reasonOf(error)}`);
    }
  }

  /** Links, then folders from the innermost out: what is made in a folder changes its mtime. */
  async #finish(): Promise<void> {
    for (const { entry, place, first } of this.#links) {
      this.#try(entry.path, () => {
        this.#target.makeLink(place, first);
        this.#fileDone(entry);
      });
    }
    for (const [place, folder] of [...this.#folders].reverse()) {
      this.#try(folder.path, () => applyMetadata(place, folder));
    }
    await syncFileSystem(this.#target.path);
  }

  #try(path: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(path, reasonOf(error));
    }
  }

  #isWanted(entry: Entry): boolean {
    return this.#request.select?.(entry.path) ?? true;
  }

  #fileDone(entry: Entry): void {
    if (entry.kind === 'file') this.#files += 1;
    this.#bytes += entry.size;
    this.#request.on_progress?.({
      files_done: this.#files,
      bytes_done: this.#bytes,
      files_total: this.#totals.files,
      bytes_total: this.#totals.bytes,
    });
  }

  #fail(path: string, reason: string): void {
    this.#failed.push({ path, reason });
  }
}

function metadataOf(entry: Entry) {
  const { kind, mode, uid, gid, mtime_ns } = entry;
  return { kind, mode, uid, gid, mtime_ns };
}
