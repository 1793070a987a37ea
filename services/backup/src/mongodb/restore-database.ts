import { randomBytes } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Snapshot } from '@holdfast/repository/api';
import type { Db } from 'mongodb';
import { type ChangeEvent, readChangeEvent } from '../domain/mongodb/change-event.ts';
import { type ClusterTime, compareTimes } from '../domain/mongodb/cluster-time.ts';
import { type CollectionFacts, namesBefore } from '../domain/mongodb/collections.ts';
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
  readonly signal: AbortSignal;
}

export interface RestoredDatabase {
  readonly database: string;
  readonly at: ClusterTime;
  readonly collections: readonly { readonly name: string; readonly documents: number }[];
  readonly changes_replayed: number;
}

/**
 * Restores a database, or some of it, as it was at a moment. Whole collections appear at once: they are put together
 * under other names and renamed. Rejects with `moment_not_held`, `not_found`, or `target_occupied` before anything is
 * changed.
 */
export async function restoreDatabase(request: RestoreDatabase): Promise<RestoredDatabase> {
  const held = await readHeldLog(request.repository, request.snapshot);
  const plan = planRestore(held, request.at);
  if ('refusal' in plan) throw new HoldfastError('moment_not_held', plan.refusal);
  const needed = await namesNeeded(held, plan, request);
  const replay = createReplay({
    db: request.target,
    source_database: held.database,
    settled_after: plan.base.through,
    prefix: `holdfast_restore_${randomBytes(4).toString('hex')}_`,
    isNeeded: (name) => needed === null || needed.has(name),
  });
  try {
    await loadBase(held, plan, { replay, request });
    await replayChanges(held, plan, { replay, request });
    const collections = wantedOf(replay.collections(), request);
    const placed = await putInPlace({ ...request, replay, collections });
    return {
      database: request.target.databaseName,
      at: plan.at,
      collections: placed,
      changes_replayed: replay.count(),
    };
  } catch (error) {
    throw mongoFailure(error);
  } finally {
    await replay[Symbol.asyncDispose]();
  }
}

interface Restoring {
  readonly replay: Replay;
  readonly request: RestoreDatabase;
}

/** Names that the wanted collections have had; null: all. Looked up only where some are chosen. */
async function namesNeeded(
  held: HeldLog,
  plan: RestorePlan,
  request: RestoreDatabase,
): Promise<Set<string> | null> {
  const { collections } = request;
  if (collections === undefined) return null;
  const renames: { from: string; to: string }[] = [];
  for await (const event of eventsOf(held, plan, request.signal)) {
    if (event.type === 'rename' && event.to !== null) {
      renames.push({ from: event.collection, to: event.to.collection });
    }
  }
  return namesBefore(collections, renames);
}

async function loadBase(held: HeldLog, plan: RestorePlan, { replay, request }: Restoring): Promise<void> {
  const base = held.bases.find(({ id }) => id === plan.base.id);
  if (base === undefined) return;
  for (const name of Object.keys(base.collections)) {
    if (!replay.isNeeded(name)) continue;
    const facts = await held.facts(base, name);
    await replay.begin(name, facts);
    if (facts.kind === 'view') continue;
    for await (const documents of held.documents(base, name)) {
      request.signal.throwIfAborted();
      await replay.load(name, documents);
    }
  }
}

async function replayChanges(
  held: HeldLog,
  plan: RestorePlan,
  { replay, request }: Restoring,
): Promise<void> {
  for await (const event of eventsOf(held, plan, request.signal)) await replay.add(event);
  await replay.flush();
}

async function* eventsOf(held: HeldLog, plan: RestorePlan, signal: AbortSignal): AsyncGenerator<ChangeEvent> {
  for (const segment of plan.segments) {
    for (const bytes of await held.events(segment)) {
      signal.throwIfAborted();
      const event = readChangeEvent(bytes);
      if (compareTimes(event.time, plan.base.from) < 0) continue;
      if (compareTimes(event.time, plan.at) > 0) return;
      yield event;
    }
  }
}

function wantedOf(
  there: ReadonlyMap<string, CollectionFacts>,
  { collections }: RestoreDatabase,
): ReadonlyMap<string, CollectionFacts> {
  if (collections === undefined) return there;
  const missing = collections.filter((name) => !there.has(name));
  if (missing.length > 0) {
    throw new HoldfastError('not_found', `at that moment there was no collection ${missing.join(', ')}`);
  }
  return new Map([...there].filter(([name]) => collections.includes(name)));
}
