import {
  BSON,
  type ClientSession,
  type Collection,
  type Db,
  Decimal128,
  Double,
  Long,
  type MongoClient,
  ObjectId,
} from 'mongodb';
import { type ClusterTime, compareTimes } from '../../src/domain/mongodb/cluster-time.ts';

/** Collections with their documents by their `_id` as text: what a moment is compared with. */
export type Model = Map<string, Map<string, Document>>;
type Id = ObjectId | string | { year: number; id: ObjectId };
interface Document {
  _id: Id;
  [field: string]: unknown;
}

/** One write with the cluster time that MongoDB gave it. */
interface Write {
  readonly time: ClusterTime;
  apply(model: Model): void;
}

/** Writes to a database and keeps a log of its own: the reference that restored moments are compared with. */
export interface Writers {
  /** Documents of the beginning, before anything is backed up. */
  fill(count: number): Promise<void>;
  /** Writes until `signal`, so many at once. */
  run(writers: number, signal: AbortSignal): Promise<void>;
  /** Collections that come, go and change their name; indexes too. */
  changeCollections(): Promise<void>;
  /** The times of all writes, in order. */
  times(): ClusterTime[];
  modelAt(time: ClusterTime): Model;
}

const COLLECTIONS = ['conversations', 'quotes'] as const;

interface Ledger {
  readonly db: Db;
  readonly log: Write[];
  pick(below: number): number;
  note(session: ClientSession, apply: Write['apply']): void;
  /** The documents that one writer alone changes. */
  documentsOf(writer: string, collection: string): Map<string, Document>;
}

export function createWriters(client: MongoClient, database: string, random: () => number): Writers {
  const ledger = createLedger(client.db(database), random);
  const { log, pick } = ledger;
  return {
    fill: (count) => fill(ledger, client, count),
    run: async (writers, signal) => {
      const write = async (writer: string) => {
        await using session = client.startSession();
        while (!signal.aborted) await (pick(20) === 0 ? transact : change)(ledger, writer, session);
      };
      await Promise.all(Array.from({ length: writers }, (_, writer) => write(String(writer))));
    },
    changeCollections: () => changeCollections(ledger, client),
    times: () => log.map(({ time }) => time).sort(compareTimes),
    modelAt: (time) => {
      const model: Model = new Map();
      const writes = log.filter((write) => compareTimes(write.time, time) <= 0);
      for (const write of writes.sort((one, other) => compareTimes(one.time, other.time))) write.apply(model);
      return model;
    },
  };
}

function createLedger(db: Db, random: () => number): Ledger {
  const log: Write[] = [];
  const own = new Map<string, Map<string, Document>>();
  return {
    db,
    log,
    pick: (below) => Math.floor(random() * below),
    note: ({ operationTime }, apply) => {
      if (operationTime === undefined) throw new Error('a write without a time');
      log.push({ time: { seconds: operationTime.t, increment: operationTime.i }, apply });
    },
    documentsOf: (writer, collection) => own.getOrInsertComputed(`${writer}:${collection}`, () => new Map()),
  };
}

const put = (name: string, document: Document) => (model: Model) =>
  void model.getOrInsertComputed(name, () => new Map()).set(keyText(document._id), document);
const remove = (name: string, id: Id) => (model: Model) => void model.get(name)?.delete(keyText(id));

/** One change of one document of this writer. */
async function change({ db, pick, note, documentsOf }: Ledger, writer: string, session: ClientSession) {
  const name = COLLECTIONS[pick(2)] ?? 'quotes';
  const collection = db.collection<Document>(name);
  const mine = documentsOf(writer, name);
  const before = mine.get([...mine.keys()][pick(mine.size)] ?? '');
  const kind = pick(10);
  if (before === undefined || kind === 0) {
    const document = newDocument(pick);
    await collection.insertOne(document, { session });
    mine.set(keyText(document._id), document);
    note(session, put(name, document));
  } else if (kind === 1) {
    await collection.deleteOne({ _id: before._id }, { session });
    mine.delete(keyText(before._id));
    note(session, remove(name, before._id));
  } else {
    const after = kind === 2 ? { ...newDocument(pick), _id: before._id } : copyOf(before);
    if (kind === 2) await collection.replaceOne({ _id: before._id }, after, { session });
    else await update(collection, after, { pick, session });
    mine.set(keyText(before._id), after);
    note(session, put(name, after));
  }
}

/** A transaction over two collections. */
async function transact({ db, pick, note, documentsOf }: Ledger, writer: string, session: ClientSession) {
  const documents = COLLECTIONS.map((name) => [name, newDocument(pick)] as const);
  await session.withTransaction(async () => {
    for (const [name, document] of documents) {
      await db.collection<Document>(name).insertOne({ ...document }, { session });
    }
  });
  note(session, (model) => {
    for (const [name, document] of documents) put(name, document)(model);
  });
  for (const [name, document] of documents) documentsOf(writer, name).set(keyText(document._id), document);
}

async function fill({ db, pick, note, documentsOf }: Ledger, client: MongoClient, count: number) {
  await using session = client.startSession();
  for (const name of COLLECTIONS) {
    for (let left = count / 2; left > 0; left -= 1000) {
      const documents = Array.from({ length: Math.min(left, 1000) }, () => newDocument(pick));
      await db.collection<Document>(name).insertMany(documents, { session });
      for (const [at, document] of documents.entries()) {
        documentsOf(String(at % 3), name).set(keyText(document._id), document);
      }
      note(session, (model) => {
        for (const document of documents) put(name, document)(model);
      });
    }
  }
}

async function changeCollections({ db, pick, note }: Ledger, client: MongoClient) {
  await using session = client.startSession();
  const [first, second] = [newDocument(pick), newDocument(pick)];
  await db.collection<Document>('draft').insertOne({ ...first }, { session });
  note(session, put('draft', first));
  await db.createIndex('draft', { n: -1 }, { name: 'by_n', session });
  await db.collection<Document>('passing').insertOne({ ...second }, { session });
  note(session, put('passing', second));
  await db.renameCollection('draft', 'final', { dropTarget: true, session });
  note(session, (model) => {
    const documents = model.get('draft') ?? new Map();
    model.delete('draft');
    model.set('final', documents);
  });
  await db.dropCollection('passing', { session });
  note(session, (model) => void model.delete('passing'));
  const partialFilterExpression = { n: { $gt: 5 } };
  await db.createIndex('quotes', { 'sub.a': 1 }, { name: 'by_a', partialFilterExpression });
}

/** A model as bytes, so that types and the order of fields count too. */
export function bytesOfModel(model: Model): Record<string, string[]> {
  const entries = [...model].map(([name, documents]): [string, string[]] => [
    name,
    [...documents.values()].map((document) => Buffer.from(BSON.serialize(document)).toString('hex')).sort(),
  ]);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The same of what stands in a database. */
export async function bytesOfDatabase(
  client: MongoClient,
  database: string,
): Promise<Record<string, string[]>> {
  const found: [string, string[]][] = [];
  const db = client.db(database);
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    if (name.startsWith('system.')) continue;
    const raw = await db.collection(name).find({}, { raw: true }).toArray();
    found.push([
      name,
      raw.map((bytes) => Buffer.from(bytes as unknown as Uint8Array).toString('hex')).sort(),
    ]);
  }
  return Object.fromEntries(found.sort(([one], [other]) => (one < other ? -1 : 1)));
}

interface Updating {
  readonly pick: (below: number) => number;
  readonly session: ClientSession;
}

/** Updates the stored document, and `after` as MongoDB would. */
async function update(collection: Collection<Document>, after: Document, { pick, session }: Updating) {
  const filter = { _id: after._id };
  const apply = (change: object | object[]) => collection.updateOne(filter, change as never, { session });
  const value = pick(1_000_000);
  const tags = after['tags'] as unknown[];
  const sub = after['sub'] as { deep: Record<string, unknown> };
  switch (pick(7)) {
    case 0:
      after['n'] = (after['n'] as number) + 1;
      return apply({ $inc: { n: 1 } });
    case 1:
      sub.deep['x'] = new Long(value);
      return apply({ $set: { 'sub.deep.x': new Long(value) } });
    case 2:
      tags.push(`t${value}`);
      return apply({ $push: { tags: `t${value}` } });
    case 3:
      after['tags'] = tags.slice(0, 2);
      return apply([{ $set: { tags: { $slice: ['$tags', 2] } } }]);
    case 4:
      delete after['text'];
      return apply({ $unset: { text: '' } });
    case 5:
      sub.deep[`g${value % 5}`] = { made: new Double(value) };
      return apply({ $set: { [`sub.deep.g${value % 5}`]: { made: new Double(value) } } });
    default:
      if (tags.length > 0) tags[0] = { replaced: value };
      else tags.push({ replaced: value });
      return apply({ $set: { 'tags.0': { replaced: value } } });
  }
}

function newDocument(pick: (below: number) => number): Document {
  const id = new ObjectId();
  const ids: [Id, Id, Id] = [id, id.toHexString(), { year: 2026, id }];
  return {
    _id: ids[pick(3)] ?? id,
    n: pick(1000),
    text: 'ñandú '.repeat(1 + pick(20)),
    price: Decimal128.fromString(`${pick(1000)}.50`),
    total: new Long(pick(1000)),
    rate: new Double(pick(10)),
    at: new Date(1_700_000_000_000 + pick(1000)),
    tags: ['a', pick(10), null],
    sub: { a: pick(10), deep: { x: 1 } },
  };
}

/** A copy that can be changed; values of BSON are not. */
function copyOf(document: Document): Document {
  const { sub, tags } = document as unknown as { sub: { a: number; deep: object }; tags: unknown[] };
  return { ...document, tags: [...tags], sub: { a: sub.a, deep: { ...sub.deep } } };
}

function keyText(id: unknown): string {
  return BSON.EJSON.stringify({ id }, { relaxed: false });
}
