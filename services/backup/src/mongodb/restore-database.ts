import { randomBytes } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { ReportProgress } from '@holdfast/contracts/http/progress';
import type { Snapshot } from '@holdfast/repository/api';
import { createWorkMeter, type WorkMeter } from '@holdfast/runtime/work-meter';
import type { Db } from 'mongodb';
import { type ChangeEvent, readChangeEvent } from '../domain/mongodb/change-event.ts';
import { type ClusterTime, compareTimes } from '../domain/mongodb/cluster-time.ts';
import { namesBefore } from '../domain/mongodb/collections.ts';
import { planRestore, type RestorePlan } from '../domain/mongodb/restore-plan.ts';
import { mongoFailure } from './connect.ts';
import { type HeldLog, type LogReader, readHeldLog } from './held-log.ts';
import { putInPlace } from './put-in-place.ts';
import { createReplay, type Replay } from './replay.ts';

export interface RestoreDatabase {
  readonly repository: LogReader;
  readonly snapshot: Snapshot;
  /** Where it goes; the collections are put together beside those that stand there. */
  readonly target: Db;
  /** Null: the latest moment of the backup. */
  readonly at: ClusterTime | null;
  /** Undefined: all. */
  readonly collections?: readonly string[] | undefined;
  /** Only documents that match are put into what stands there; nothing is taken away. */
  readonly query?: Record<string, unknown> | undefined;
  /** Whole collections may take the place of those that stand there. */
  readonly overwrite: boolean;
  /** Until the collections are put in place; from then on it is done to the end. */
  readonly signal: AbortSignal;
  readonly report?: ReportProgress | undefined;
}

export interface RestoredDatabase {
  readonly database: string;
  readonly at: ClusterTime;
  readonly collections: readonly { readonly name: string; readonly documents: number }[];
  readonly changes_replayed: number;
}

/** Collections that are being put together. */
const RESTORE_PREFIX = 'holdfast_restore_';

/**
 * Restores a database, or some of it, as it was at a moment. Whole collections appear at once: they are put together
 * under other names and renamed. Rejects with `moment_not_held`, `not_found`, or `target_occupied` before anything is
 * changed.
 */
export async function restoreDatabase(request: RestoreDatabase): Promise<RestoredDatabase> {
  const held = await readHeldLog(request.repository, request.snapshot);
  const plan = requirePlan(held, request.at);
  const needed = await namesNeeded(held, plan, request);
  const isNeeded = (name: string) => needed === null || needed.has(name);
  const { target, signal, report } = request;
  try {
    await using replay = await putTogether({ held, plan, target, isNeeded, signal, report });
    const collections = new Map(wantedOf(replay.collections(), request));
    const placed = await putInPlace({ ...request, replay, collections });
    return {
      database: target.databaseName,
      at: plan.at,
      collections: placed,
      changes_replayed: replay.count(),
    };
  } catch (error) {
    throw mongoFailure(error);
  }
}

/** How a moment is restored. Rejects with `moment_not_held` where it is not in there. */
export function requirePlan(held: HeldLog, at: ClusterTime | null): RestorePlan {
  const plan = planRestore(held, at);
  if ('refusal' in plan) throw new HoldfastError('moment_not_held', plan.refusal);
  return plan;
}

export interface PuttingTogether {
  readonly held: HeldLog;
  readonly plan: RestorePlan;
  readonly target: Db;
  readonly isNeeded: (collection: string) => boolean;
  readonly signal: AbortSignal;
  readonly report?: ReportProgress | undefined;
}

/** The documents of a moment in collections of other names, still without indexes. What was made is gone where it rejects. */
export async function putTogether(work: PuttingTogether): Promise<Replay> {
  const { held, plan, target, isNeeded, report } = work;
  await using parts = new AsyncDisposableStack();
  const replay = parts.use(
    createReplay({
      db: target,
      source_database: held.database,
      settled_after: plan.base.through,
      prefix: `${RESTORE_PREFIX}${randomBytes(4).toString('hex')}_`,
      isNeeded,
    }),
  );
  await loadBase(work, replay);
  const meter = createWorkMeter(report, {
    doing: 'replaying',
    items: 'changes',
    bytes_total: held.bytesOfLog(plan.segments),
  });
  for await (const event of plannedEvents({ ...work, meter })) await replay.add(event);
  await replay.flush();
  parts.move();
  return replay;
}

/** Names that the wanted collections have had; null: all. Looked up only where some are chosen. */
async function namesNeeded(
  held: HeldLog,
  plan: RestorePlan,
  request: RestoreDatabase,
): Promise<Set<string> | null> {
  const { collections, signal, report } = request;
  if (collections === undefined) return null;
  const meter = createWorkMeter(report, {
    doing: 'reading',
    items: 'changes',
    bytes_total: held.bytesOfLog(plan.segments),
  });
  const renames: { from: string; to: string }[] = [];
  for await (const event of plannedEvents({ held, plan, signal, meter })) {
    if (event.type === 'rename' && event.to !== null) {
      renames.push({ from: event.collection, to: event.to.collection });
    }
  }
  return namesBefore(collections, renames);
}

async function loadBase({ held, plan, signal, report }: PuttingTogether, replay: Replay): Promise<void> {
  const base = baseOf(held, plan);
  const meter = createWorkMeter(report, {
    doing: 'restoring',
    items: 'documents',
    bytes_total: held.bytesOfBase(base, replay.isNeeded),
  });
  for (const name of Object.keys(base.collections)) {
    if (!replay.isNeeded(name)) continue;
    const facts = await held.facts(base, name);
    await replay.begin(name, facts);
    if (facts.kind === 'view') continue;
    for await (const documents of held.documents(base, name)) {
      signal.throwIfAborted();
      await replay.load(name, documents);
      meter.add(documents.length, bytesOf(documents));
    }
  }
}

/** The base that a plan begins with. */
export function baseOf(held: HeldLog, plan: RestorePlan): HeldLog['bases'][number] {
  const base = held.bases.find(({ id }) => id === plan.base.id);
  if (base === undefined) throw new HoldfastError('internal', `base ${plan.base.id} is in no backup`);
  return base;
}

/** How much documents take together. */
export function bytesOf(documents: readonly Buffer[]): number {
  return documents.reduce((sum, { length }) => sum + length, 0);
}

/** All changes from the begin of the base to the moment of a plan, in order. */
export async function* plannedEvents({
  held,
  plan,
  signal,
  meter,
}: Pick<PuttingTogether, 'held' | 'plan' | 'signal'> & {
  readonly meter?: WorkMeter | undefined;
}): AsyncGenerator<ChangeEvent> {
  for (const segment of plan.segments) {
    for (const bytes of await held.events(segment)) {
      signal.throwIfAborted();
      meter?.add(1, bytes.length);
      const event = readChangeEvent(bytes);
      if (compareTimes(event.time, plan.base.from) < 0) continue;
      if (compareTimes(event.time, plan.at) > 0) return;
      yield event;
    }
  }
}

/** Those of the collections that are asked for. Rejects with `not_found` where one is not there. */
export function wantedOf<Found>(
  there: ReadonlyMap<string, Found>,
  { collections }: Pick<RestoreDatabase, 'collections'>,
): readonly (readonly [string, Found])[] {
  if (collections === undefined) return [...there];
  const missing = collections.filter((name) => !there.has(name));
  if (missing.length > 0) {
    throw new HoldfastError('not_found', `at that moment there was no collection ${missing.join(', ')}`);
  }
  return [...there].filter(([name]) => collections.includes(name));
}
