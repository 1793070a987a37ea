import { startWatcher } from '../adapters/start-watcher.ts';
import type { Territory } from '../adapters/territory.ts';
import type { Watcher, WatchHandlers } from '../adapters/watcher.ts';

/** Keeps everything watched; after a gap by a new watcher, since the old one may have missed new folders. */
export class WatchKeeper {
  readonly #territory: Territory;
  readonly #handlers: WatchHandlers;
  #watcher: Watcher | undefined;
  #stopped = false;

  constructor(territory: Territory, handlers: WatchHandlers) {
    this.#territory = territory;
    this.#handlers = handlers;
  }

  get watched(): ReadonlySet<string> {
    return this.#watcher?.watched ?? new Set();
  }

  /** Resolves when everything is watched; the watcher before it goes on until then. */
  async renew(): Promise<void> {
    if (this.#stopped) return;
    const old = this.#watcher;
    const fresh = await startWatcher(this.#territory, this.#handlers);
    if (this.#stopped) return fresh[Symbol.asyncDispose]();
    this.#watcher = fresh;
    await old?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#watcher?.[Symbol.asyncDispose]();
  }
}
