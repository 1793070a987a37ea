import { readFileSync } from 'node:fs';
import type { EventData } from '@holdfast/contracts/catalog';

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
