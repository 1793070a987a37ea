import type { Db } from 'mongodb';
import { type ChangeEvent, changesDocument } from '../domain/mongodb/change-event.ts';
import type { ClusterTime } from '../domain/mongodb/cluster-time.ts';
import {
  type CollectionChange,
  type CollectionFacts,
  evolveCollections,
  PLAIN_COLLECTION,
} from '../domain/mongodb/collections.ts';
import { applyBatch } from './apply-batch.ts';
import { decodeExactly } from './connect.ts';
import { insertRaw } from './raw-write.ts';

/** Collections that are put together under names of their own, change by change. Disposing removes what was not taken. */
export interface Replay extends AsyncDisposable {
  isNeeded(collection: string): boolean;
  begin(collection: string, facts: CollectionFacts): Promise<void>;
  load(collection: string, documents: readonly Buffer[]): Promise<void>;
  /** In the order of the log. */
  add(event: ChangeEvent): Promise<void>;
  flush(): Promise<void>;
  collections(): ReadonlyMap<string, CollectionFacts>;
  /** The name that a collection has meanwhile; empty for a view. */
  placeOf(collection: string): string;
  /** It was renamed, and is no longer ours to remove. */
  taken(collection: string): void;
  /** How many changes were replayed. */
  count(): number;
}

export interface ReplayOptions {
  readonly db: Db;
  readonly source_database: string;
  readonly settled_after: ClusterTime;
  readonly prefix: string;
  readonly isNeeded: (collection: string) => boolean;
}

const BATCH_EVENTS = 1_000;
const CAPPED_SIZES = ['cappedSize', 'cappedMax'];
const BATCH_BYTES = 16 * 1024 * 1024;

/** A replay that holds nothing yet. */
export function createReplay(options: ReplayOptions): Replay {
  const { db, settled_after, isNeeded } = options;
  const places = createPlaces(options);
  let waiting = new Map<string, ChangeEvent[]>();
  let [events, bytes, replayed] = [0, 0, 0];
  const flush = async () => {
    const batch = waiting;
    waiting = new Map();
    events = 0;
    bytes = 0;
    for (const [collection, changes] of batch) {
      await places.begin(collection, PLAIN_COLLECTION);
      const keeps_order = places.facts().get(collection)?.options['capped'] === true;
      await applyBatch(db, places.of(collection), { changes, settled_after, keeps_order });
    }
  };
  return {
    isNeeded,
    begin: places.begin,
    load: (collection, documents) => insertRaw(db, places.of(collection), documents),
    add: async (event) => {
      if (event.collection !== '' && !isNeeded(event.collection)) return;
      replayed += 1;
      if (!changesDocument(event)) {
        await flush();
        await places.change(collectionChangeOf(event));
        return;
      }
      waiting.getOrInsertComputed(event.collection, () => []).push(event);
      events += 1;
      bytes += (event.document?.length ?? 0) + (event.update?.length ?? 0);
      if (events >= BATCH_EVENTS || bytes >= BATCH_BYTES) await flush();
    },
    flush,
    collections: places.facts,
    placeOf: places.of,
    taken: places.forget,
    count: () => replayed,
    [Symbol.asyncDispose]: places.removeAll,
  };
}

/** Which collection lies under which name of our own, and what is known of it. */
function createPlaces({ db, source_database, prefix }: ReplayOptions) {
  let facts: ReadonlyMap<string, CollectionFacts> = new Map();
  let number = 0;
  const places = new Map<string, string>();
  const drop = async (collection: string) => {
    const place = places.get(collection);
    places.delete(collection);
    if (place !== undefined) await db.dropCollection(place);
  };
  const removeAll = async () => {
    for (const collection of [...places.keys()]) await drop(collection);
  };
  /** Does nothing where it is there already. */
  const begin = async (collection: string, found: CollectionFacts) => {
    if (places.has(collection)) return;
    facts = new Map(facts).set(collection, found);
    if (found.kind === 'view') return;
    number += 1;
    const place = `${prefix}${number}`;
    // What lets documents expire comes last: changes of some that are long gone are still to be replayed.
    const { expireAfterSeconds: _, ...options } = found.options;
    await db.command({ create: place, ...options });
    places.set(collection, place);
  };
  const rename = async ({ collection, to }: CollectionChange) => {
    const place = places.get(collection);
    places.delete(collection);
    if (to !== null) await drop(to.collection);
    if (place === undefined) return;
    if (to?.database === source_database) places.set(to.collection, place);
    else await db.dropCollection(place);
  };
  /** At once: what comes next may not fit into the size that was. */
  const resize = async ({ collection, description }: CollectionChange) => {
    const sizes = Object.entries(description).filter(([name]) => CAPPED_SIZES.includes(name));
    const place = places.get(collection);
    if (place !== undefined && sizes.length > 0)
      await db.command({ collMod: place, ...Object.fromEntries(sizes) });
  };
  const change = async (told: CollectionChange) => {
    const { type, collection } = told;
    const next = evolveCollections(facts, told, source_database);
    if (type === 'create') await begin(collection, next.get(collection) ?? PLAIN_COLLECTION);
    if (type === 'drop') await drop(collection);
    if (type === 'dropDatabase') await removeAll();
    if (type === 'rename') await rename(told);
    if (type === 'modify') await resize(told);
    facts = next;
  };
  const of = (collection: string) => places.get(collection) ?? '';
  const forget = (collection: string) => void places.delete(collection);
  return { begin, change, of, forget, removeAll, facts: () => facts };
}

function collectionChangeOf({ type, collection, to, description }: ChangeEvent): CollectionChange {
  return { type, collection, to, description: description === null ? {} : decodeExactly(description) };
}
