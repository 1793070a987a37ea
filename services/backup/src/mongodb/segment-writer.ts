import { createHash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterTime } from '../domain/mongodb/cluster-time.ts';
import { type Cuttable, mayCut, segmentEnd, segmentFile, segmentHead } from '../domain/mongodb/segment.ts';
import { syncFolder, UNFINISHED } from './staging.ts';

/** One event without its token, and the token. */
export interface LoggedEvent extends Cuttable {
  readonly event: Buffer;
  readonly token: Buffer;
}

/** Writes events into segments. Nothing that it has not `cut` is there after a crash. */
export interface SegmentWriter extends AsyncDisposable {
  /** The end of the last segment that stands. */
  readonly tail: ClusterTime;
  /** Ends the open segment before this event where it is large enough. */
  add(events: readonly LoggedEvent[]): Promise<void>;
  /** Makes the open segment durable; does nothing where no event came since the last one. */
  cut(): Promise<void>;
}

interface OpenSegment {
  readonly file: FileHandle;
  readonly hash: ReturnType<typeof createHash>;
  last: LoggedEvent;
  events: number;
  bytes: number;
}

/** Larger segments are cut: one is read in a single turn, and a backup of a long log is files that stay as they are. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;

/** A writer that goes on after `tail`. */
export function createSegmentWriter(
  changes: string,
  tail: ClusterTime,
  bytes_max = SEGMENT_BYTES,
): SegmentWriter {
  const half = join(changes, `next${UNFINISHED}`);
  let segment: OpenSegment | null = null;
  let end = tail;
  const write = async ({ file, hash }: OpenSegment, pieces: readonly Buffer[]) => {
    const bytes = Buffer.concat(pieces);
    hash.update(bytes);
    await file.writeFile(bytes);
  };
  const begin = async (first: LoggedEvent): Promise<OpenSegment> => {
    const file = await open(half, 'w', 0o600);
    const begun = { file, hash: createHash('sha256'), last: first, events: 0, bytes: 0 };
    await write(begun, [segmentHead(end)]);
    return begun;
  };
  const cut = async () => {
    if (segment === null) return;
    const { file, hash, last, events } = segment;
    await file.writeFile(segmentEnd({ to: last.time, events, token: last.token }, hash));
    await file.sync();
    await file.close();
    segment = null;
    await rename(half, join(changes, segmentFile({ from: end, to: last.time })));
    await syncFolder(changes);
    end = last.time;
  };
  const addSome = async (events: readonly LoggedEvent[]) => {
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return;
    segment ??= await begin(first);
    await write(
      segment,
      events.map(({ event }) => event),
    );
    segment.last = last;
    segment.events += events.length;
    segment.bytes += events.reduce((sum, { bytes }) => sum + bytes, 0);
  };
  return {
    get tail() {
      return end;
    },
    add: async (events) => {
      let waiting: LoggedEvent[] = [];
      let open = { last: segment?.last.time ?? end, bytes: segment?.bytes ?? 0 };
      for (const next of events) {
        if (mayCut(open, next, bytes_max)) {
          await addSome(waiting);
          await cut();
          waiting = [];
          open = { last: next.time, bytes: 0 };
        }
        waiting.push(next);
        open = { last: next.time, bytes: open.bytes + next.bytes };
      }
      await addSome(waiting);
    },
    cut,
    async [Symbol.asyncDispose]() {
      await segment?.file.close();
      segment = null;
    },
  };
}
