import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemCode } from '@holdfast/contracts/errors';
import { isWithin } from '@holdfast/runtime/path-pattern';
import { type FSWatcher, watch } from 'chokidar';
import type { Territory } from './territory.ts';
import { drainCounter, suspiciousDrain, type Watcher, type WatchHandlers } from './watcher.ts';

const READY_MAX_MS = 60_000;

/** Watches with chokidar; resolves when everything there is watched. */
export async function startChokidar(territory: Territory, handlers: WatchHandlers): Promise<Watcher> {
  const { roots } = territory;
  const places = roots.map((root) => ({ root, real: realPath(root) }));
  const nameOf = renamer(places.filter(({ root, real }) => root !== real));
  const watcher = watch(
    places.map(({ real }) => real),
    {
      atomic: false,
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      ignored: (real, stats) => {
        const path = nameOf(real);
        if (stats === undefined)
          return !territory.enters(path, 'directory') && !territory.enters(path, 'file');
        return !territory.enters(path, stats.isDirectory() ? 'directory' : 'file');
      },
    },
  );
  listen(watcher, { ...handlers, onHint: (path, entry) => handlers.onHint(nameOf(path), entry) });
  const { promise, resolve } = Promise.withResolvers<void>();
  watcher.once('ready', resolve);
  const timer = setTimeout(() => {
    handlers.onGap('watcher_error', `watching was not ready after ${READY_MAX_MS} ms`);
    resolve();
  }, READY_MAX_MS);
  await promise;
  clearTimeout(timer);
  return { watched: new Set(roots), [Symbol.asyncDispose]: () => watcher.close() };
}

// A root that is a symlink is watched where it leads to: links are not followed anywhere else.
function realPath(root: string): string {
  try {
    return realpathSync(root);
  } catch {
    return root;
  }
}

/** Gives a path below the real place of a root its name below the root. */
function renamer(places: readonly { root: string; real: string }[]): (path: string) => string {
  return (path) => {
    const place = places.find(({ real }) => isWithin(path, real));
    return place === undefined ? path : place.root + path.slice(place.real.length);
  };
}

function listen(watcher: FSWatcher, handlers: WatchHandlers) {
  const countDrain = drainCounter(suspiciousDrain(), (events) =>
    handlers.onGap('overflow', `${events} events in one drain of the queue`),
  );
  // The raw events come first. chokidar's own ones add what it finds when it reads a folder: one that is new, or one whose
  // times or mode were set, because then it takes up the watch anew and no raw event comes in between.
  watcher.on('raw', (kind: string, name: string | null, details: unknown) => {
    countDrain();
    const { watchedPath } = details as { watchedPath: string };
    if (name === null || name === basename(watchedPath)) handlers.onHint(watchedPath, kind === 'rename');
    if (name !== null) handlers.onHint(join(watchedPath, name), kind === 'rename');
  });
  watcher.on('add', (path) => handlers.onHint(path, true));
  watcher.on('addDir', (path) => handlers.onHint(path, true));
  watcher.on('change', (path) => handlers.onHint(path, false));
  watcher.on('unlink', (path) => handlers.onHint(path, true));
  watcher.on('unlinkDir', (path) => handlers.onHint(path, true));
  watcher.on('error', (error) => {
    const code = systemCode(error);
    // It vanished while chokidar looked at it: its going is an event of its own.
    if (code === 'ENOENT') return;
    const reason = code === 'ENOSPC' ? 'enospc' : code === 'EMFILE' ? 'emfile' : 'watcher_error';
    handlers.onGap(reason, Error.isError(error) ? error.message : String(error));
  });
}
