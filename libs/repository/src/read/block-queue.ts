import { isStorageError } from '@holdfast/storage/blob-store';
import { chunkId, ID_BYTES, sha256 } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, reasonOf } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import type { PieceProblem, WriteBlocks, WritePiece } from '../threads/messages.ts';
import { UnderWay } from '../threads/under-way.ts';
import { leastBusy, type ThreadLease } from '../threads/worker-pool.ts';
import { type BlockJob, groupBlocks } from './block-groups.ts';
import { HeldFolders } from './held-folders.ts';
import type { Failure, RestoreFile } from './restore-file.ts';
import { writeBlocks, writePiece } from './write-blocks.ts';

/** Fewer groups of blocks than this are written in this thread. */
const DIRECT_MAX = 2;

/** One chunk of a file and where it lies. */
export interface QueuedPiece {
  readonly file: RestoreFile;
  readonly id: Buffer;
  readonly place: ChunkLocation;
  readonly to: WritePiece['to'];
}

/** What became of a piece. */
export interface PieceOutcome {
  readonly piece: QueuedPiece;
  readonly failure?: Failure;
  readonly notes?: readonly string[];
}

/** Reads each block once and has all that is wanted of it written; blocks that lie together are read together. */
export class BlockQueue implements Disposable {
  readonly #engine: Engine;
  readonly #on_done: (outcome: PieceOutcome) => void;
  #jobs = new Map<string, BlockJob>();
  #pieces = 0;
  #lease: ThreadLease | undefined;
  readonly #under_way = new UnderWay();
  /** Packs that were gone when the index was read again because of them. */
  readonly #missing = new Map<string, Promise<void>>();

  constructor(engine: Engine, on_done: (outcome: PieceOutcome) => void) {
    this.#engine = engine;
    this.#on_done = on_done;
  }

  /** What waits for `flush`. */
  get waiting(): { blocks: number; pieces: number } {
    return { blocks: this.#jobs.size, pieces: this.#pieces };
  }

  add(piece: QueuedPiece): void {
    const { place } = piece;
    const key = `${place.pack}/${place.block}`;
    const job = this.#jobs.get(key);
    if (job === undefined) this.#jobs.set(key, { place, pieces: [piece] });
    else job.pieces.push(piece);
    this.#pieces += 1;
  }

  /** Starts all that waits, pack by pack; resolves when there is room for more. */
  async flush(): Promise<void> {
    const groups = groupBlocks([...this.#jobs.values()]);
    this.#jobs = new Map();
    this.#pieces = 0;
    if (groups.length > DIRECT_MAX) this.threads();
    for (const group of groups) await this.#under_way.begin(this.#limit(), () => this.#run(group));
  }

  /** Resolves when everything is written or has failed. */
  async finish(): Promise<void> {
    await this.flush();
    await this.drain();
  }

  /** Resolves when what was started is done; what waits is left. */
  async drain(): Promise<void> {
    await this.#under_way.settled();
  }

  /** The threads, which are kept until the end. */
  threads(): ThreadLease['threads'] {
    this.#lease ??= this.#engine.pool.lease();
    return this.#lease.threads;
  }

  [Symbol.dispose](): void {
    this.#lease?.[Symbol.dispose]();
  }

  #limit(): number {
    return 2 * (this.#lease?.threads.length ?? 1);
  }

  async #run(group: readonly BlockJob[]): Promise<void> {
    const pieces = group.flatMap((job) => job.pieces);
    let problems: readonly PieceProblem[];
    try {
      problems = await this.#write(group, pieces);
    } catch (error) {
      if (isStorageError(error, 'not_found')) await this.#packIsMissing(group);
      const failure = { reason: reasonOf(error), is_damage: isDamage(error) };
      problems = pieces.map((_, piece) => ({ piece, failure }));
    }
    const by_piece = new Map(problems.map((problem) => [problem.piece, problem]));
    for (const [index, piece] of pieces.entries()) {
      const problem = by_piece.get(index);
      if (problem?.failure?.is_damage) this.#on_done(await this.#writeAgain(piece, problem.failure));
      else this.#on_done({ ...problem, piece });
    }
  }

  async #write(group: readonly BlockJob[], pieces: readonly QueuedPiece[]) {
    const first = group[0]?.place as ChunkLocation;
    const last = group.at(-1)?.place as ChunkLocation;
    const offset = first.block_offset;
    const length = last.block_offset + last.sealed_length - offset;
    const sealed = await this.#get(packName(first.pack), { offset, length });
    const expected = Buffer.allocUnsafeSlow(pieces.length * ID_BYTES);
    for (const [index, { file, id, to }] of pieces.entries()) {
      expected.set('name' in to ? file.entry.digest : id, index * ID_BYTES);
    }
    const task: WriteBlocks = {
      task: 'write_blocks',
      keys: this.#engine.keys,
      pack: first.pack,
      pack_header: new Uint8Array(first.pack_header),
      sealed,
      blocks: group.map((job) => asTask(job, offset)),
      expected,
    };
    const threads = this.#lease?.threads ?? [];
    const thread = leastBusy(threads);
    if (thread === undefined) return writeBlocks(task);
    return thread.run(task, [sealed.buffer as ArrayBuffer, expected.buffer]);
  }

  /** A store may fail for once. */
  #get(name: string, range: { offset: number; length: number }): Promise<Buffer> {
    return this.#engine.store.get(name, range).catch((error: unknown) => {
      if (!isStorageError(error, 'failed')) throw error;
      return this.#engine.store.get(name, range);
    });
  }

  /** Maintenance may have moved it since the index was read: that is read again, once for each pack. */
  #packIsMissing(group: readonly BlockJob[]): Promise<void> {
    const pack = group[0]?.place.pack as string;
    // Where the store fails now, so does the next look for a chunk, which says so.
    const asked = this.#missing.get(pack) ?? this.#engine.index.rebuild().catch(() => undefined);
    this.#missing.set(pack, asked);
    return asked;
  }

  /** From another copy of the chunk, where there is one; else the failure stays. */
  async #writeAgain(piece: QueuedPiece, failure: Failure): Promise<PieceOutcome> {
    try {
      for (const place of await this.#engine.index.locate(piece.id)) {
        if (this.#missing.has(place.pack) || isSamePlace(place, piece.place)) continue;
        const data = await this.#readAt(place, piece.id);
        if (data === undefined) continue;
        using folders = new HeldFolders();
        const is_sparse = piece.file.entry.sparse ?? false;
        const notes = writePiece({ to: piece.to, is_sparse }, data, folders);
        return { piece, notes };
      }
      return { piece, failure };
    } catch (error) {
      return {
        piece,
        failure: { reason: reasonOf(error), is_damage: isRepositoryError(error, 'repo_damaged') },
      };
    }
  }

  /** Undefined where it is no good there either. */
  async #readAt(place: ChunkLocation, id: Buffer): Promise<Buffer | undefined> {
    try {
      const block = await this.#engine.chunks.block(place);
      const data = block.subarray(place.offset, place.offset + place.length);
      return chunkId(this.#engine.keys, sha256(data)).equals(id) ? data : undefined;
    } catch (error) {
      if (!isRepositoryError(error) && !isStorageError(error)) throw error;
      return undefined;
    }
  }
}

function asTask({ place, pieces }: BlockJob, offset: number): WriteBlocks['blocks'][number] {
  return {
    number: place.block,
    codec: place.codec,
    raw_length: place.raw_length,
    at: place.block_offset - offset,
    sealed_length: place.sealed_length,
    pieces: pieces.map(({ place: { offset: at, length }, to, file }) => ({
      offset: at,
      length,
      to,
      is_sparse: file.entry.sparse ?? false,
    })),
  };
}

function isDamage(error: unknown): boolean {
  return isRepositoryError(error) || isStorageError(error, 'not_found') || isStorageError(error, 'short');
}

function isSamePlace(one: ChunkLocation, other: ChunkLocation): boolean {
  return one.pack === other.pack && one.block === other.block;
}
