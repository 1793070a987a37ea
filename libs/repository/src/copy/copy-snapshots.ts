import { hostname } from 'node:os';
import type { CopyRequest, CopyResult, Progress, Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { fromStorage, isRepositoryError, RepositoryError, reasonOf, throwIfAborted } from '../errors.ts';
import { mustShareIds } from '../must-share-ids.ts';
import { Slice } from '../slice.ts';
import type { StoredSnapshot } from '../snapshot/snapshot-object.ts';
import { eachId } from '../tree/each-chunk.ts';
import { idsOf } from '../tree/entry-codec.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { ClaimTable } from '../write/claim-table.ts';
import { commitSnapshot, type SnapshotDraft } from '../write/commit.ts';
import { PendingWriter } from '../write/pending-writer.ts';
import { isChunksGone } from '../write/unheld-chunks.ts';
import { ChunkCopier } from './chunk-copier.ts';
import { Counterparts, originOf } from './origin.ts';

/** Snapshots whose chunks are in packs are committed together once so much is stored, or so much time has passed. */
const COMMIT_BYTES = 256 * 1024 * 1024;
const COMMIT_MS = 30_000;
const ATTEMPTS_MAX = 3;

/**
 * Copies snapshots, oldest first, with all that they reach, from a repository with the same chunk ids. What was copied
 * before, by a copy that was cut short too, is used. A snapshot that cannot be read whole is not copied, and named.
 */
export async function copySnapshots(
  source: Engine,
  destination: Engine,
  request: CopyRequest,
): Promise<CopyResult> {
  mustShareIds(source, destination);
  for (let left = ATTEMPTS_MAX; ; left -= 1) {
    using copy = new Copy(source, destination, request);
    try {
      return await copy.run();
    } catch (error) {
      if (!isChunksGone(error)) throw fromStorage(error);
      if (left === 0) throw new RepositoryError('storage_failed', error.message, { cause: error });
      // Maintenance has deleted what was here when it was looked up: what was committed stays, the rest begins again.
      await destination.index.rebuild();
    }
  }
}

class Copy implements Disposable {
  readonly #source: Engine;
  readonly #destination: Engine;
  readonly #request: CopyRequest;
  readonly #copier: ChunkCopier;
  readonly #pending: PendingWriter;
  #marks_version = 0;
  readonly #started = performance.now();
  readonly #copied: { from: string; snapshot: Snapshot }[] = [];
  readonly #failed: { snapshot_id: string; reason: string }[] = [];
  readonly #progress = { files_done: 0, bytes_done: 0 };
  #totals: Pick<Progress, 'files_total' | 'bytes_total'> = { files_total: null, bytes_total: null };
  #seen = new ClaimTable();
  #ready: StoredSnapshot[] = [];
  #counterparts: Counterparts;
  #committed = { bytes: 0, at: performance.now() };

  constructor(source: Engine, destination: Engine, request: CopyRequest) {
    this.#source = source;
    this.#destination = destination;
    this.#request = request;
    this.#counterparts = new Counterparts(destination, []);
    const { compression = 'default' } = request;
    const level = LEVELS[compression];
    this.#pending = new PendingWriter(destination, { host: hostname(), source: source.store.location });
    const pending = this.#pending;
    this.#copier = new ChunkCopier({ source, destination, compress: true, level, pending });
  }

  async run(): Promise<CopyResult> {
    this.#counterparts = new Counterparts(this.#destination, await this.#destination.snapshots.all());
    await this.#destination.index.refresh();
    this.#marks_version = await this.#destination.index.refreshMarks();
    await this.#source.index.refresh();
    const chosen = await this.#chosen();
    const to_copy = chosen.filter((snapshot) => this.#counterparts.of(this.#source, snapshot) === undefined);
    this.#totals = {
      files_total: to_copy.reduce((sum, { files }) => sum + files, 0),
      bytes_total: to_copy.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    try {
      for (const snapshot of to_copy) await this.#copyOne(snapshot);
    } finally {
      // Also what is cut short stays, for the next copy.
      await this.#copier.checkpoint();
    }
    await this.#commitReady();
    await this.#pending.clear();
    return {
      copied: this.#copied,
      there_before: chosen.length - to_copy.length,
      failed: this.#failed,
      chunks: this.#copier.chunks,
      bytes_read: this.#copier.bytes_read,
      bytes_stored: this.#copier.bytes_stored,
      duration_ms: Math.round(performance.now() - this.#started),
    };
  }

  [Symbol.dispose](): void {
    this.#copier[Symbol.dispose]();
  }

  async #chosen(): Promise<StoredSnapshot[]> {
    const { snapshots, filter } = this.#request;
    const all = await this.#source.snapshots.all(filter);
    const ids = snapshots && (await Promise.all(snapshots.map((id) => this.#source.snapshots.one(id))));
    const wanted = ids && new Set(ids.map(({ id }) => id));
    return all.filter(({ id }) => wanted?.has(id) ?? true).reverse();
  }

  async #copyOne(snapshot: StoredSnapshot): Promise<void> {
    throwIfAborted(this.#request.signal);
    try {
      await this.#walk(snapshot);
      await this.#copier.settle();
    } catch (error) {
      if (!isRepositoryError(error, 'repo_damaged')) throw error;
      this.#failed.push({ snapshot_id: snapshot.id, reason: reasonOf(error) });
      // What is still under way must not be held against the next one; nodes that were looked at may have lost something.
      await this.#copier.settle().catch(ignoreDamage);
      this.#seen = new ClaimTable();
      return;
    }
    this.#ready.push(snapshot);
    const is_time = performance.now() - this.#committed.at > COMMIT_MS;
    if (!is_time && this.#copier.bytes_stored - this.#committed.bytes < COMMIT_BYTES) return;
    await this.#copier.checkpoint();
    await this.#commitReady();
  }

  async #walk(snapshot: StoredSnapshot): Promise<void> {
    const slice = new Slice();
    await walkTree(snapshot.tree, {
      load: async (id) => {
        throwIfAborted(this.#request.signal);
        await this.#copier.want(Buffer.from(id, 'hex'), 'node');
        return this.#source.nodes.load(id);
      },
      enter: (id, below) => {
        this.#seen.grow();
        const is_new = this.#seen.claim(Buffer.from(id, 'hex'));
        if (!is_new) this.#report(below ?? snapshot);
        return is_new;
      },
      entry: async (_key, entry) => {
        for (const id of eachId(idsOf(this.#source.keys, entry))) {
          await this.#copier.want(id, entry.is_list ? 'node' : 'data');
          if (!entry.is_list) continue;
          for (const part of eachId(await this.#source.chunks.read(id)))
            await this.#copier.want(part, 'data');
        }
        if (entry.kind === 'file') this.#report({ files: 1, bytes: entry.size });
        await slice.rest();
      },
    });
  }

  /** In order, so that the parent of each is there before it; all are announced before the first is committed. */
  async #commitReady(): Promise<void> {
    const { packs } = this.#copier;
    const ready: { snapshot: StoredSnapshot; pending: PendingWriter }[] = [];
    for (const snapshot of this.#ready.splice(0)) {
      const pending = new PendingWriter(this.#destination, { host: snapshot.host, source: snapshot.source });
      await pending.announceTree(snapshot.tree, packs.stored_ids);
      ready.push({ snapshot, pending });
    }
    for (const { snapshot, pending } of ready) {
      const committed = await commitSnapshot(this.#destination, await this.#draftOf(snapshot), {
        packs,
        pending,
        marks_version: this.#marks_version,
        base_tree: undefined,
        known: await this.#destination.snapshots.all(),
      });
      this.#counterparts.add(this.#destination, committed);
      this.#copied.push({ from: snapshot.id, snapshot: committed });
    }
    this.#committed = { bytes: this.#copier.bytes_stored, at: performance.now() };
  }

  async #draftOf(snapshot: StoredSnapshot): Promise<SnapshotDraft> {
    const { id: _id, heads: _heads, ...fields } = snapshot;
    const metadata = { ...fields.metadata, copied_from: originOf(this.#source, snapshot) };
    return { ...fields, metadata, parent: await this.#parentOf(snapshot) };
  }

  async #parentOf({ parent }: StoredSnapshot): Promise<string | null> {
    if (parent === null) return null;
    const known = (await this.#source.snapshots.all()).find(({ id }) => id === parent);
    return (known && this.#counterparts.of(this.#source, known)?.id) ?? null;
  }

  #report(done: { files: number; bytes: number }): void {
    this.#progress.files_done += done.files;
    this.#progress.bytes_done += done.bytes;
    this.#request.on_progress?.({ ...this.#progress, ...this.#totals });
  }
}

/** Levels of zstd. */
const LEVELS = { fast: 1, default: 3, high: 9, max: 19 } as const;

/** It was told by the snapshot that it belongs to. */
function ignoreDamage(error: unknown): void {
  if (!isRepositoryError(error, 'repo_damaged')) throw error;
}
