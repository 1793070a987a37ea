import { readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { EventData } from '@holdfast/contracts/catalog';
import { systemCode } from '@holdfast/contracts/errors';
import { isWithin } from '@holdfast/runtime/path-pattern';
import { type FSWatcher, watch } from 'chokidar';
import type { Territory } from './territory.ts';

export type GapReason = EventData<'WatchGapDetected'>['reason'];

export interface WatchHandlers {
  /** Something happened at the path; `entry` where a name came, went or was replaced. */
  onHint(path: string, entry: boolean): void;
  /** Events may have been lost. */
  onGap(reason: GapReason, detail: string): void;
}

/** Tells what happens below the roots. Only a hint: what it misses the walks find. */
export interface Watcher extends AsyncDisposable {
  /** Folders below which changes are seen. */
  readonly watched: ReadonlySet<string>;
}

const READY_MAX_MS = 60_000;
const QUEUE_FILE = '/proc/sys/fs/inotify/max_queued_events';
const QUEUE_DEFAULT = 16_384;

/** So many events in one drain of the loop: the kernel's queue may have run over. It says so to nobody. */
export function suspiciousDrain(): number {
  try {
    return Math.floor(Number(readFileSync(QUEUE_FILE, 'latin1')) / 2) || QUEUE_DEFAULT / 2;
  } catch {
    return QUEUE_DEFAULT / 2;
  }
}

/** Watches with chokidar; resolves when everything there is watched. */
export async function startWatcher(territory: Territory, handlers: WatchHandlers): Promise<Watcher> {
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
    const reason = code === 'ENOSPC' ? 'enospc' : code === 'EMFILE' ? 'emfile' : 'watcher_error';
    handlers.onGap(reason, Error.isError(error) ? error.message : String(error));
  });
}

/** Counts the calls between two turns of the loop; tells once a turn when there were too many. */
export function drainCounter(limit: number, onTooMany: (events: number) => void): () => void {
  let events = 0;
  return () => {
    events += 1;
    if (events > 1) return;
    setImmediate(() => {
      const drained = events;
      events = 0;
      if (drained >= limit) onTooMany(drained);
    });
  };
}
