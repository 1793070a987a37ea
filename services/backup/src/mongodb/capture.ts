import { HoldfastError, isHoldfastError, systemCode } from '@holdfast/contracts/errors';
import type { Db } from 'mongodb';
import { type ClusterTime, compareTimes, describeTime, laterOf } from '../domain/mongodb/cluster-time.ts';
import { chainFrom } from '../domain/mongodb/segment.ts';
import { type CaughtUp, catchUp } from './catch-up.ts';
import { type ConnectedDatabase, clusterNow, connectDatabase } from './connect.ts';
import { chosenCollections, copyCollections } from './copy-base.ts';
import { mergeSegments } from './merge-segments.ts';
import { readStagedSegment } from './read-staged.ts';
import { type BaseFile, type LogState, openStaging, type Staging } from './staging.ts';

/** A database source as the configuration names it. */
export interface MongoSource {
  readonly name: string;
  /** Where the base and the change log are put together. */
  readonly folder: string;
  /** Undefined: the one that the address names. */
  readonly database: string | undefined;
  /** Empty: all of it. */
  readonly collections: readonly string[];
  /** Read anew for each connection, so that a password can be changed. */
  readonly url: () => Promise<string>;
  /** Of the server that backups are restored to when they are proved; null: the same. */
  readonly verify_url?: () => Promise<string | null>;
}

/** What a run wants of its database. */
export interface Wanted {
  readonly backup_id: string;
  /** Copy everything again. */
  readonly full: boolean;
  /** True for a file that a backup holds already: what it replaces is then of no more use. */
  readonly isKept: (path: string) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Keeps the folder of one database source current. One thing at a time. */
export interface Capture extends AsyncDisposable {
  /** When it resolves the folder holds a complete base, and every change up to the call. Rejects before anything may be called a backup. */
  prepare(wanted: Wanted): Promise<void>;
  /** Only brings the change log up to now; how many changes came. Does nothing where there is no base yet. */
  follow(signal: AbortSignal): Promise<number>;
  /** The moment that MongoDB is at. */
  now(): Promise<ClusterTime>;
}

export interface CaptureOptions {
  readonly now_ms: () => number;
  readonly piece_documents?: number;
  readonly segment_bytes?: number;
}

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
const BASE_ATTEMPTS = 5;
/** During a copy the change log is not let fall behind further. */
const CATCH_UP_EVERY_MS = 5_000;

/** A capture that has not connected yet. */
export function createCapture(source: MongoSource, options: CaptureOptions): Capture {
  let connected: ConnectedDatabase | null = null;
  let busy: Promise<unknown> = Promise.resolve();
  const disconnect = async () => {
    const old = connected;
    connected = null;
    await old?.[Symbol.asyncDispose]();
  };
  const alone = <Result>(work: (db: Db) => Promise<Result>): Promise<Result> => {
    const result = busy.then(async () => {
      try {
        connected ??= await connectDatabase(await source.url(), source.database);
        return await work(connected.db);
      } catch (error) {
        // Whatever it was, the next attempt begins with a new connection and the secret as it is then.
        await disconnect();
        throw error;
      }
    });
    busy = result.catch(() => undefined);
    return result;
  };
  return {
    prepare: (wanted) => alone((db) => prepare({ db, source, options }, wanted)),
    follow: (signal) => alone((db) => follow({ db, source, options }, signal)),
    now: () => alone(async (db) => (await clusterNow(db)).time),
    async [Symbol.asyncDispose]() {
      await busy;
      await disconnect();
    },
  };
}

interface Work {
  readonly db: Db;
  readonly source: MongoSource;
  readonly options: CaptureOptions;
}

interface Logged {
  readonly staging: Staging;
  state: LogState;
  renames: number;
}

/** A loss of the log fails one run, so that people are told; the next makes a new base. */
async function prepare(work: Work, wanted: Wanted): Promise<void> {
  const staging = await openStaging(work.source.folder);
  try {
    await bringUpToDate(work, wanted, staging);
  } catch (error) {
    const state = isLogLost(error) ? await staging.state() : null;
    if (state !== null) await staging.setState({ ...state, told: true });
    throw error;
  }
}

async function bringUpToDate(work: Work, wanted: Wanted, staging: Staging): Promise<void> {
  const { db, source } = work;
  await chosenCollections(db, source.collections);
  await staging.removeIncomplete();
  const log = await openLog(work, staging);
  const base = newestOf(await staging.bases(), log.state);
  const isMade = base?.id === wanted.backup_id;
  if (base === undefined || (wanted.full && !isMade)) {
    await makeBase(work, wanted, log);
    return;
  }
  await advance(work, log, wanted.signal);
  await orBroken(log, () => requireWhole(log, base));
  if (await wanted.isKept(staging.basePath(base.id))) await staging.keepOnly(base);
  await orBroken(log, () => tidy(work, log, wanted.signal));
}

async function follow(work: Work, signal: AbortSignal): Promise<number> {
  const staging = await openStaging(work.source.folder);
  const state = await staging.state();
  if (state === null || state.broken !== null || !fits(work, state)) return 0;
  const log = { staging, state: await resume(staging, state), renames: 0 };
  return advance(work, log, signal);
}

/** The log that is gone on with, or a new one that begins now. */
async function openLog(work: Work, staging: Staging): Promise<Logged> {
  const state = await staging.state();
  if (state !== null && state.broken === null && fits(work, state)) {
    return { staging, state: await resume(staging, state), renames: 0 };
  }
  if (state !== null && state.broken !== null && !state.told) {
    throw new HoldfastError('change_history_lost', `${state.broken}; a new base is made`);
  }
  const { time: now, server } = await clusterNow(work.db);
  await staging.forgetAfter(now);
  const { db, source } = work;
  const begun: LogState = {
    format: 1,
    database: db.databaseName,
    collections: [...source.collections],
    begins: now,
    token: null,
    event_token: null,
    server,
    tail: now,
    through: now,
    broken: null,
    told: false,
  };
  await staging.setState(begun);
  return { staging, state: begun, renames: 0 };
}

function fits({ db, source }: Work, state: LogState): boolean {
  const [one, other] = [state.collections, source.collections].map((names) => [...names].sort().join('\0'));
  return state.database === db.databaseName && one === other;
}

async function resume(staging: Staging, state: LogState): Promise<LogState> {
  return orBroken({ staging, state }, () => adopt(staging, state));
}

/** A loss is noted, so that the log is not gone on with. */
async function orBroken<Result>(
  { staging, state }: Pick<Logged, 'staging' | 'state'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isLogLost(error)) await staging.setState({ ...state, broken: (error as Error).message });
    throw error;
  }
}

/** Segments that stood when a crash came, before the state could tell of them. */
async function adopt(staging: Staging, state: LogState): Promise<LogState> {
  let adopted = state;
  const segments = await staging.segments();
  for (;;) {
    const next = segments.find(({ from }) => compareTimes(from, adopted.tail) === 0);
    if (next === undefined || compareTimes(next.to, adopted.tail) <= 0) return adopted;
    const { end } = await readStagedSegment(staging, next);
    const token = end.token.toString('base64');
    const through = laterOf(next.to, adopted.through);
    adopted = { ...adopted, token, event_token: token, tail: next.to, through };
  }
}

/** Small segments become few. A disk that is full fails no backup that needs no room for it: the next one tries again. */
async function tidy({ options }: Work, { staging, state }: Logged, signal: AbortSignal): Promise<void> {
  try {
    await mergeSegments(staging, { begins: state.begins, bytes_max: options.segment_bytes }, signal);
  } catch (error) {
    if (!FULL.has(systemCode(error) ?? '')) throw error;
  }
}

/** A backup whose log has a gap is none: it could not be restored. Rejects with `change_history_lost`. */
async function requireWhole({ staging, state }: Logged, base: BaseFile): Promise<void> {
  if (compareTimes(state.tail, base.from) <= 0) return;
  const end = chainFrom(await staging.segments(), base.from).at(-1)?.to ?? base.from;
  if (compareTimes(end, state.tail) === 0) return;
  throw new HoldfastError(
    'change_history_lost',
    `${staging.changes} lacks what happened after ${describeTime(end)}`,
  );
}

/** The newest base of this log. */
function newestOf(bases: readonly BaseFile[], state: LogState): BaseFile | undefined {
  return [...bases]
    .sort((one, other) => compareTimes(other.from, one.from))
    .find(({ from }) => compareTimes(state.begins, from) <= 0);
}

async function advance(work: Work, log: Logged, signal: AbortSignal): Promise<number> {
  const { db, options } = work;
  const { staging, state } = log;
  const caught: CaughtUp = await catchUp({
    db,
    staging,
    state,
    signal,
    segment_bytes: options.segment_bytes,
  });
  log.state = caught.state;
  log.renames += caught.renames;
  return caught.events;
}

async function makeBase(work: Work, wanted: Wanted, log: Logged): Promise<void> {
  for (let attempt = 1; attempt <= BASE_ATTEMPTS; attempt++) {
    await advance(work, log, wanted.signal);
    const from = log.state.through;
    log.renames = 0;
    const folder = await log.staging.beginBase(wanted.backup_id);
    const copied = await copyInto(work, wanted, { log, folder });
    await advance(work, log, wanted.signal);
    // What was copied under one name may have changes under another.
    if (log.renames > 0) continue;
    const { through, database } = log.state;
    await log.staging.finishBase({
      format: 1,
      id: wanted.backup_id,
      from,
      through,
      database,
      collections: copied,
    });
    return;
  }
  throw new HoldfastError('conflict', `collections were renamed during each of ${BASE_ATTEMPTS} copies`);
}

async function copyInto(work: Work, { signal }: Wanted, { log, folder }: { log: Logged; folder: string }) {
  const { db, source, options } = work;
  const { collections } = source;
  let caught_ms = options.now_ms();
  const afterPiece = async () => {
    if (options.now_ms() - caught_ms < CATCH_UP_EVERY_MS) return;
    await advance(work, log, signal);
    caught_ms = options.now_ms();
  };
  return copyCollections({
    db,
    folder,
    collections,
    afterPiece,
    signal,
    piece_documents: options.piece_documents,
  });
}

/** True for the loss that is answered with a new base. */
export function isLogLost(error: unknown): boolean {
  return isHoldfastError(error) && error.code === 'change_history_lost';
}
