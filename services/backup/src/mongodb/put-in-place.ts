import { HoldfastError } from '@holdfast/contracts/errors';
import type { ReportProgress } from '@holdfast/contracts/http/progress';
import { createWorkMeter } from '@holdfast/runtime/work-meter';
import type { Db } from 'mongodb';
import { type BsonElement, bsonField } from '../domain/mongodb/bson-bytes.ts';
import type { CollectionFacts } from '../domain/mongodb/collections.ts';
import { inTransaction } from './in-transaction.ts';
import { findRaw } from './raw-find.ts';
import { type CommandTaker, deleteRaw, insertRaw } from './raw-write.ts';
import type { Replay } from './replay.ts';

export interface Placing {
  readonly target: Db;
  readonly replay: Replay;
  readonly collections: ReadonlyMap<string, CollectionFacts>;
  readonly query?: Record<string, unknown> | undefined;
  readonly overwrite: boolean;
  /** Heeded as long as nothing has its name yet. */
  readonly signal: AbortSignal;
  readonly report?: ReportProgress | undefined;
}

type Placed = { readonly name: string; readonly documents: number };

/** What a collection may be told after it was made; all else is fixed then. */
const CHANGEABLE = [
  'validator',
  'validationLevel',
  'validationAction',
  'changeStreamPreAndPostImages',
  'expireAfterSeconds',
];

/** Gives what was put together its indexes and its name. Once the first has its name, all get theirs. */
export async function putInPlace(placing: Placing): Promise<Placed[]> {
  const { target, collections, replay, signal } = placing;
  signal.throwIfAborted();
  if (placing.query !== undefined) return mergeAll(placing);
  await refuseOccupied(target, [...collections.keys()], placing.overwrite);
  const placed: Placed[] = [];
  const [views, others] = [true, false].map((wanted) =>
    [...collections].filter(([, { kind }]) => (kind === 'view') === wanted),
  );
  // Indexes of all come first: when the first collection gets its name, nothing can fail any more but the renaming.
  const meter = createWorkMeter(placing.report, {
    doing: 'indexing',
    items: 'collections',
    items_total: others?.length ?? 0,
  });
  for (const [name, facts] of others ?? []) {
    await finish(target, replay.placeOf(name), { ...facts, signal });
    meter.add(1, 0);
  }
  signal.throwIfAborted();
  for (const [name] of others ?? []) {
    const place = replay.placeOf(name);
    const documents = await target.collection(place).estimatedDocumentCount();
    await target.renameCollection(place, name, { dropTarget: placing.overwrite });
    replay.taken(name);
    placed.push({ name, documents });
  }
  for (const [name, { options }] of views ?? []) {
    if (placing.overwrite) await target.dropCollection(name);
    await target.command({ create: name, ...options });
    placed.push({ name, documents: 0 });
  }
  return placed;
}

/** Rejects with `target_occupied` where something stands that may not be replaced. */
export async function refuseOccupied(
  target: Db,
  names: readonly string[],
  overwrite: boolean,
): Promise<void> {
  if (overwrite) return;
  const there = await target.listCollections({}, { nameOnly: true }).toArray();
  const occupied = there.map(({ name }) => name).filter((name) => names.includes(name));
  if (occupied.length === 0) return;
  throw new HoldfastError(
    'target_occupied',
    `${target.databaseName} has ${occupied.join(', ')} already: restore into another database, or overwrite`,
  );
}

/** Gives a collection that was put together its indexes, and its options as they are at that moment. */
export async function finish(
  target: Db,
  place: string,
  { indexes, options, signal }: CollectionFacts & { readonly signal: AbortSignal },
): Promise<void> {
  const wanted = indexes.filter(({ name, clustered }) => name !== '_id_' && clustered === undefined);
  if (wanted.length > 0) await target.command({ createIndexes: place, indexes: wanted }, { signal });
  const changed = Object.entries(options).filter(([name]) => CHANGEABLE.includes(name));
  if (changed.length > 0) await target.command({ collMod: place, ...Object.fromEntries(changed) });
}

async function mergeAll({ target, replay, collections, query }: Placing): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const [name, { kind }] of collections) {
    const place = replay.placeOf(name);
    if (kind === 'view') continue;
    placed.push({ name, documents: await merge(target, { from: place, to: name, query: query ?? {} }) });
  }
  return placed;
}

async function merge(
  target: Db,
  { from, to, query }: { from: string; to: string; query: Record<string, unknown> },
): Promise<number> {
  let count = 0;
  const replace = async (taker: CommandTaker, documents: readonly Buffer[]) => {
    await deleteRaw(taker, to, idsOf(documents));
    await insertRaw(taker, to, documents);
  };
  // What stands there is gone only where what was to take its place is there. Transactions take no capped collection.
  const is_capped = await isCapped(target, to);
  for await (const documents of findRaw(target, { find: from, filter: query })) {
    if (is_capped) await replace(target, documents);
    else await inTransaction(target, (taker) => replace(taker, documents));
    count += documents.length;
  }
  return count;
}

async function isCapped(target: Db, name: string): Promise<boolean> {
  const [there] = await target.listCollections({ name }).toArray();
  return Object(Object(there).options).capped === true;
}

function idsOf(documents: readonly Buffer[]): BsonElement[] {
  return documents.flatMap((document) => bsonField(document, '_id') ?? []);
}
