import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import type { Db } from 'mongodb';
import { readChangeEvent, timeOfEvent, typeOfEvent, withoutToken } from '../domain/mongodb/change-event.ts';
import { type ClusterTime, compareTimes, laterOf } from '../domain/mongodb/cluster-time.ts';
import { breaksLog } from '../domain/mongodb/collections.ts';
import {
  confirmEvent,
  hasReached,
  openChangeStream,
  type StreamBatch,
  type StreamStart,
} from './change-stream.ts';
import { clusterNow } from './connect.ts';
import { createSegmentWriter, type LoggedEvent, type SegmentWriter } from './segment-writer.ts';
import type { LogState, Staging } from './staging.ts';

export interface CatchUp {
  readonly db: Db;
  readonly staging: Staging;
  readonly state: LogState;
  readonly signal: AbortSignal;
  readonly segment_bytes?: number | undefined;
}

/** How far the log goes now, and which renames it saw: the copy of a base is of no use beside one. */
export interface CaughtUp {
  readonly state: LogState;
  readonly events: number;
  readonly renames: number;
}

/**
 * Brings the change log up to the moment of the call: every change that MongoDB had made by then is in a durable segment,
 * and only then does the state tell so. Rejects with `change_history_lost` where the log cannot be gone on with, after
 * noting that in the state.
 */
export async function catchUp(work: CatchUp): Promise<CaughtUp> {
  const { time: until, server } = await clusterNow(work.db);
  if (compareTimes(until, work.state.through) < 0) {
    return broken(
      work,
      work.state.tail,
      'the clock of MongoDB is behind what was captured: it was restored, or is another one',
    );
  }
  const { staging, state: before } = work;
  const seen = { events: 0, renames: 0, is_between: true };
  await using writer = createSegmentWriter(staging.changes, before.tail, work.segment_bytes);
  try {
    await confirm(work, server);
    const { token, event_token } = await follow(work, { until, writer, seen });
    await writer.cut();
    const state = { ...before, server, token, event_token, tail: writer.tail, through: until };
    await staging.setState(state);
    return { state, events: seen.events, renames: seen.renames };
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== 'change_history_lost') throw error;
    // Where the rest of a transaction may be missing, it is left out.
    if (seen.is_between) await writer.cut();
    return broken(work, writer.tail, error.message);
  }
}

interface Following {
  readonly until: ClusterTime;
  readonly writer: SegmentWriter;
  /** `is_between`: what was written ends with whole transactions. */
  readonly seen: { events: number; renames: number; is_between: boolean };
}

/** Writes what comes until the stream has reached `until`; the tokens to go on from. */
async function follow(work: CatchUp, { until, writer, seen }: Following) {
  const { db, state } = work;
  let { token, event_token } = state;
  await using stream = await openChangeStream(db, state.collections, startOf(state));
  for (;;) {
    work.signal.throwIfAborted();
    const batch = await stream.next();
    const { events, renames, is_over, reason } = sift(batch, until, state);
    seen.renames += renames;
    seen.events += events.length;
    seen.is_between = events.length === 0 || is_over || reason !== null || isWhole(events, batch);
    await writer.add(events);
    event_token = events.at(-1)?.token.toString('base64') ?? event_token;
    if (events.length > 0) token = event_token;
    if (reason !== null) throw new HoldfastError('change_history_lost', reason);
    // Events that came later are asked for again next time: no segment may end in the middle of their transaction.
    if (is_over) return { token, event_token };
    token = batch.token.toString('base64');
    if (hasReached(batch, until)) return { token, event_token };
  }
}

/** The stream has seen all that happened at the moment of the last of these events. */
function isWhole(events: readonly LoggedEvent[], { through }: StreamBatch): boolean {
  const last = events.at(-1);
  return last === undefined || compareTimes(last.time, through) < 0;
}

/** Nobody can change the history of MongoDB while it runs: it is looked at where it was started anew. */
async function confirm({ db, state }: CatchUp, server: string): Promise<void> {
  if (server === state.server || state.event_token === null) return;
  await confirmEvent(db, state.collections, Buffer.from(state.event_token, 'base64'));
}

function startOf({ token, tail }: LogState): StreamStart {
  return token === null ? { time: tail } : { token: Buffer.from(token, 'base64') };
}

interface Sifted {
  readonly events: LoggedEvent[];
  readonly renames: number;
  /** There were events after the moment. */
  readonly is_over: boolean;
  /** Why the log cannot go on after these events. */
  readonly reason: string | null;
}

/** The events of a batch that are not after a moment. */
function sift(batch: StreamBatch, until: ClusterTime, { collections, tail }: LogState): Sifted {
  const events: LoggedEvent[] = [];
  let renames = 0;
  for (const bytes of batch.events) {
    const time = timeOfEvent(bytes);
    if (compareTimes(time, until) > 0) return { events, renames, is_over: true, reason: null };
    // A stream that begins at a time begins with what was done at that time, which everything holds already.
    if (compareTimes(time, tail) <= 0) continue;
    if (typeOfEvent(bytes) === 'rename') {
      renames += 1;
      const change = readChangeEvent(bytes);
      if (breaksLog(collections, change)) {
        const reason = `${change.to?.collection} was replaced by ${change.collection}, which is not backed up`;
        return { events, renames, is_over: false, reason };
      }
    }
    events.push({ ...withoutToken(bytes), time, bytes: bytes.length });
  }
  return { events, renames, is_over: false, reason: null };
}

// What was written so far stays: all moments up to the break can be restored.
async function broken({ staging, state }: CatchUp, tail: ClusterTime, reason: string): Promise<never> {
  await staging.setState({ ...state, tail, through: laterOf(tail, state.through), broken: reason });
  throw new HoldfastError('change_history_lost', `${reason}; a new base is made`);
}
