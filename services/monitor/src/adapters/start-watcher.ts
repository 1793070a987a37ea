import { startChokidar } from './chokidar-watcher.ts';
import { startFolderWatcher } from './folder-watcher.ts';
import type { Territory } from './territory.ts';
import type { Watcher, WatchHandlers } from './watcher.ts';

/** The watcher that suits this system; docs/decisions/0004 says why. */
export const startWatcher: (territory: Territory, handlers: WatchHandlers) => Promise<Watcher> =
  process.platform === 'linux' ? startFolderWatcher : startChokidar;
