import { type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemCode } from '@holdfast/contracts/errors';
import type { Territory } from './territory.ts';
import { drainCounter, suspiciousDrain, type Watcher, type WatchHandlers } from './watcher.ts';

/** One folder that is watched. */
interface Watched {
  readonly watcher: FSWatcher;
  /** Another folder of the same name is another folder. */
  readonly identity: string;
  /** Names of the folders in it that are watched too. */
  readonly inside: Set<string>;
}

/** It went away meanwhile, which the folder above tells, or it may not be read, which the walks tell. */
const SEEN_BY_WALKS: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP']);
/** Folders that are taken in within one turn of the loop. */
const SLICE = 100;

/**
 * One inotify watch a folder: memory for folders and not for files, and nothing is read again because of an event.
 * Resolves when everything there is watched. A folder that comes into being is watched before it is told, so that
 * what happens in it while it is read is told as well.
 */
export async function startFolderWatcher(territory: Territory, handlers: WatchHandlers): Promise<Watcher> {
  const folders = new FolderWatches(territory, handlers);
  for (const root of territory.roots) await folders.take(root);
  return {
    watched: new Set(territory.roots),
    [Symbol.asyncDispose]: async () => folders.close(),
  };
}

class FolderWatches {
  readonly #territory: Territory;
  readonly #handlers: WatchHandlers;
  readonly #countDrain: () => void;
  readonly #watched = new Map<string, Watched>();
  #closed = false;

  constructor(territory: Territory, handlers: WatchHandlers) {
    this.#territory = territory;
    this.#handlers = handlers;
    this.#countDrain = drainCounter(suspiciousDrain(), (events) =>
      handlers.onGap('overflow', `${events} events in one drain of the queue`),
    );
  }

  /** Watches a folder and all that is to be entered below it. */
  async take(folder: string): Promise<void> {
    const queue = [folder];
    for (let taken = 1; queue.length > 0 && !this.#closed; taken += 1) {
      const next = queue.pop();
      if (next !== undefined && this.#watch(next)) queue.push(...this.#foldersIn(next));
      if (taken % SLICE === 0 && queue.length > 0) await nextTurn();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  /** False where it is watched already, or cannot be. */
  #watch(folder: string): boolean {
    const identity = identityOf(folder, this.#isRoot(folder));
    const known = this.#watched.get(folder);
    if (identity === undefined || known?.identity === identity) return false;
    this.#drop(folder);
    try {
      const watcher = watch(folder, (kind, name) => this.#onEvent(folder, kind, name));
      watcher.on('error', (error) => this.#onError(folder, error));
      this.#watched.set(folder, { watcher, identity, inside: new Set() });
      this.#watched.get(dirname(folder))?.inside.add(basename(folder));
      return true;
    } catch (error) {
      this.#onError(folder, error);
      return false;
    }
  }

  #foldersIn(folder: string): string[] {
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(folder, entry.name))
        .filter((path) => this.#territory.enters(path, 'directory'));
    } catch (error) {
      this.#onError(folder, error);
      return [];
    }
  }

  #onEvent(folder: string, kind: string, name: string | null) {
    if (this.#closed) return;
    this.#countDrain();
    const entry = kind === 'rename';
    const isSelf = name === null || name === basename(folder);
    if (isSelf) this.#handlers.onHint(folder, entry);
    if (name === null) return;
    const path = join(folder, name);
    if (entry) this.#followName(path);
    this.#handlers.onHint(path, entry);
  }

  /** A name came or went: where it is a folder's, the watches follow. */
  #followName(path: string) {
    const identity = identityOf(path, false);
    if (identity === undefined) return this.#drop(path);
    if (this.#watched.get(path)?.identity === identity) return;
    if (!this.#territory.enters(path, 'directory') || !this.#watch(path)) return;
    const inside = this.#foldersIn(path);
    if (inside.length > 0) void this.#takeInside(path, inside);
  }

  /** What came about below while the watches were being set is looked at again. */
  async #takeInside(folder: string, inside: readonly string[]) {
    for (const path of inside) await this.take(path);
    if (!this.#closed) this.#handlers.onHint(folder, true);
  }

  /** Ends the watches of a folder that is gone, and of all below it. */
  #drop(folder: string) {
    const known = this.#watched.get(folder);
    if (known === undefined) return;
    for (const name of known.inside) this.#drop(join(folder, name));
    known.watcher.close();
    this.#watched.delete(folder);
    this.#watched.get(dirname(folder))?.inside.delete(basename(folder));
  }

  #isRoot(folder: string): boolean {
    return this.#territory.roots.includes(folder);
  }

  #onError(folder: string, error: unknown) {
    const code = systemCode(error);
    if (SEEN_BY_WALKS.has(code ?? '')) return this.#drop(folder);
    const reason = code === 'ENOSPC' ? 'enospc' : code === 'EMFILE' ? 'emfile' : 'watcher_error';
    this.#handlers.onGap(reason, `${folder}: ${Error.isError(error) ? error.message : String(error)}`);
  }
}

/** Device, inode and birth; undefined where no folder stands that can be looked at. Only a root may be a symlink to one. */
function identityOf(folder: string, follow: boolean): string | undefined {
  try {
    const stats = lstatSync(follow ? `${folder}/` : folder, { bigint: true, throwIfNoEntry: false });
    return stats?.isDirectory() ? `${stats.dev}:${stats.ino}:${stats.birthtimeNs}` : undefined;
  } catch (error) {
    if (SEEN_BY_WALKS.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
