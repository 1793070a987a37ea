import { ID_BYTES } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { damaged, isRepositoryError, reasonOf, throwIfAborted } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import type { FileVerdict, VerifyFiles } from '../threads/messages.ts';
import { BlockQueue, type PieceOutcome } from './block-queue.ts';
import { contentIds } from './entries.ts';
import type { HeldFolders } from './held-folders.ts';
import {
  dropOutput,
  finishOutput,
  type OutputFile,
  openOutput,
  setLength,
  writeWhole,
} from './output-file.ts';
import type { RestoreFile } from './restore-file.ts';
import { verifyFiles } from './verify-files.ts';
import { unpackMetadata } from './write-blocks.ts';

/** Blocks are gathered before they are read, so that each is read once: few at first, so that the threads begin soon. */
const BLOCKS_FIRST = 32;
const BLOCKS_MAX = 512;
const PIECES_MAX = 20_000;
/** Files of several pieces that are open at once. */
const OPEN_MAX = 200;
const VERIFY_FILES_MAX = 256;
const VERIFY_BYTES_MAX = 64 * 1024 * 1024;
/** So few are looked at in this thread. */
const VERIFY_DIRECT_MAX = 8;
const DIGEST_BYTES = 32;
const NO_BYTES = Buffer.alloc(0);

/** How a file ended: a failure, or what could not be set of it. */
export interface FileOutcome {
  readonly file: RestoreFile;
  /** It stood there already, byte for byte. */
  readonly is_unchanged: boolean;
}

export interface FileRestorerOptions {
  readonly dry_run: boolean;
  readonly folders: HeldFolders;
  readonly signal: AbortSignal | undefined;
  readonly on_done: (outcome: FileOutcome) => void;
}

/** Brings files to their places, many at a time. */
export class FileRestorer implements Disposable {
  readonly #engine: Engine;
  readonly #on_done: (outcome: FileOutcome) => void;
  readonly #is_dry: boolean;
  readonly #folders: HeldFolders;
  readonly #signal: AbortSignal | undefined;
  readonly #blocks: BlockQueue;
  readonly #open = new Set<RestoreFile>();
  #blocks_gathered = BLOCKS_FIRST;
  #to_verify: RestoreFile[] = [];
  #bytes_to_verify = 0;

  constructor(engine: Engine, options: FileRestorerOptions) {
    this.#engine = engine;
    this.#is_dry = options.dry_run;
    this.#folders = options.folders;
    this.#signal = options.signal;
    this.#on_done = options.on_done;
    this.#blocks = new BlockQueue(engine, (outcome) => this.#pieceDone(outcome));
  }

  /** Takes a file over; resolves when there is room for more. Its outcome is told later, also where it fails. */
  async add(file: RestoreFile): Promise<void> {
    if (file.to.beside === undefined) return this.#begin(file);
    this.#to_verify.push(file);
    this.#bytes_to_verify += file.entry.size;
    const is_enough = this.#to_verify.length >= VERIFY_FILES_MAX || this.#bytes_to_verify >= VERIFY_BYTES_MAX;
    if (is_enough) await this.#verify();
  }

  /** Resolves when the outcome of every file is told. */
  async finish(): Promise<void> {
    await this.#verify();
    await this.#blocks.finish();
  }

  /** Leaves nothing torn behind: for a restore that ends early. */
  async abandon(): Promise<void> {
    await this.#blocks.drain();
    for (const { output } of this.#open) if (output !== undefined) this.#tryDrop(output);
    this.#open.clear();
  }

  [Symbol.dispose](): void {
    this.#blocks[Symbol.dispose]();
  }

  /** Those that stand there already are done; the others begin. */
  async #verify(): Promise<void> {
    const files = this.#to_verify;
    this.#to_verify = [];
    this.#bytes_to_verify = 0;
    const verdicts = await this.#verdictsOf(files);
    for (const [index, file] of files.entries()) {
      const verdict = verdicts[index];
      if (!verdict?.is_right) await this.#begin(file);
      else {
        file.notes.push(...verdict.notes);
        this.#on_done({ file, is_unchanged: true });
      }
    }
  }

  async #verdictsOf(files: readonly RestoreFile[]): Promise<readonly FileVerdict[]> {
    if (files.length <= VERIFY_DIRECT_MAX) return verifyFiles(verifyTask(files, this.#is_dry));
    const threads = this.#blocks.threads();
    const size = Math.ceil(files.length / threads.length);
    const parts = threads.map((thread, index) => {
      const task = verifyTask(files.slice(index * size, (index + 1) * size), this.#is_dry);
      return thread.run(task, [task.digests.buffer as ArrayBuffer]);
    });
    return (await Promise.all(parts)).flat();
  }

  async #begin(file: RestoreFile): Promise<void> {
    if (this.#is_dry) {
      this.#on_done({ file, is_unchanged: false });
      return;
    }
    try {
      const ids = await contentIds(this.#engine, file.entry);
      if (ids.length === 0) this.#makeEmpty(file);
      else await this.#queue(file, ids);
    } catch (error) {
      if (isRepositoryError(error, 'interrupted')) throw error;
      file.failure = { reason: reasonOf(error), is_damage: isRepositoryError(error, 'repo_damaged') };
      this.#end(file);
    }
  }

  #makeEmpty(file: RestoreFile): void {
    if (file.entry.size > 0) throw damaged('its pieces are not as long as it is');
    const metadata = unpackMetadata(file.metadata);
    file.notes.push(...writeWhole(file.to, NO_BYTES, { metadata, is_sparse: false, folders: this.#folders }));
    this.#end(file);
  }

  async #queue(file: RestoreFile, ids: Buffer): Promise<void> {
    const count = ids.length / ID_BYTES;
    const places = await this.#locate(ids, file.entry.size);
    if (count > 1) await this.#openFor(file);
    file.pieces_left = count;
    let position = 0;
    for (const [index, place] of places.entries()) {
      const id = ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
      const to =
        file.output === undefined
          ? { ...file.to, metadata: file.metadata }
          : { fd: file.output.fd, position };
      this.#blocks.add({ file, id, place, to });
      position += place.length;
      if (this.#isEnough()) await this.#flush();
    }
  }

  /** Where each chunk lies; rejects with `repo_damaged` where one is nowhere, or all together are not the file. */
  async #locate(ids: Buffer, size: number): Promise<ChunkLocation[]> {
    const places: ChunkLocation[] = [];
    let length = 0;
    for (let at = 0; at < ids.length; at += ID_BYTES) {
      const id = ids.subarray(at, at + ID_BYTES);
      const [known] = this.#engine.index.lookup.locate(id);
      const place = known ?? ((await this.#engine.index.locate(id))[0] as ChunkLocation);
      places.push(place);
      length += place.length;
    }
    if (length !== size) throw damaged('its pieces are not as long as it is');
    return places;
  }

  async #openFor(file: RestoreFile): Promise<void> {
    if (this.#open.size >= OPEN_MAX) await this.#blocks.finish();
    file.output = openOutput(file.to, unpackMetadata(file.metadata), this.#folders);
    this.#open.add(file);
    setLength(file.output.fd, file.entry.size);
  }

  #tryDrop(output: OutputFile): void {
    try {
      dropOutput(output, this.#folders);
    } catch {
      // The next restore on this host sweeps it; why this one ends is told, and the other files are to go, too.
    }
  }

  #isEnough(): boolean {
    const { blocks, pieces } = this.#blocks.waiting;
    return blocks >= this.#blocks_gathered || pieces >= PIECES_MAX;
  }

  async #flush(): Promise<void> {
    this.#blocks_gathered = Math.min(BLOCKS_MAX, this.#blocks_gathered * 2);
    await this.#blocks.flush();
    throwIfAborted(this.#signal);
  }

  #pieceDone({ piece: { file }, failure, notes }: PieceOutcome): void {
    file.pieces_left -= 1;
    if (failure !== undefined) file.failure ??= failure;
    if (notes !== undefined) file.notes.push(...notes);
    if (file.pieces_left === 0) this.#end(file);
  }

  /** Every piece is written, or one has failed: then nothing of it stays. */
  #end(file: RestoreFile): void {
    try {
      this.#close(file);
    } catch (error) {
      file.failure ??= { reason: reasonOf(error), is_damage: false };
    }
    this.#on_done({ file, is_unchanged: false });
  }

  #close(file: RestoreFile): void {
    const { output } = file;
    if (output === undefined) return;
    delete file.output;
    this.#open.delete(file);
    if (file.failure !== undefined) {
      dropOutput(output, this.#folders);
      return;
    }
    try {
      file.notes.push(...finishOutput(output, unpackMetadata(file.metadata), this.#folders));
    } catch (error) {
      dropOutput(output, this.#folders);
      throw error;
    }
  }
}

function verifyTask(files: readonly RestoreFile[], dry_run: boolean): VerifyFiles {
  const digests = Buffer.allocUnsafeSlow(files.length * DIGEST_BYTES);
  for (const [index, { entry }] of files.entries()) digests.set(entry.digest, index * DIGEST_BYTES);
  return {
    task: 'verify_files',
    digests,
    dry_run,
    files: files.map(({ to, entry, metadata, is_linked }) => ({
      folder: to.folder,
      name: to.name,
      size: entry.size,
      metadata,
      is_linked,
    })),
  };
}
