import { type Db, MaxKey } from 'mongodb';
import { BSON_TYPE, type BsonElement, bsonField } from '../domain/mongodb/bson-bytes.ts';
import { keyIn } from '../domain/mongodb/change-event.ts';
import { exactValue, hasExactValue } from './exact-value.ts';
import { findRaw, type RawFind } from './raw-find.ts';

/** Documents one after the other, byte by byte. */
export interface Piece {
  readonly bytes: Buffer;
  readonly documents: number;
  /** A cursor has ended with it. */
  readonly is_end: boolean;
}

export interface Copying {
  readonly db: Db;
  /** Of the collection. */
  readonly name: string;
  /** So many documents are read by one cursor; 0: all, in the order that the collection has itself. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

const WRITE_BYTES = 1024 * 1024;

/** Where the next cursor begins: the last id that a query can name exactly, and all that was copied from it on. */
interface Edge {
  readonly from: BsonElement | null;
  readonly copied: ReadonlySet<string>;
}

/** All documents of a collection, each once, in the order of their ids: no cursor lives long. */
export async function* piecesOf(copying: Copying): AsyncGenerator<Piece> {
  const { db, name } = copying;
  let edge: Edge = { from: null, copied: new Set() };
  for (;;) {
    const limit = copying.limit === 0 ? 0 : copying.limit + edge.copied.size;
    const { count, next } = yield* readOn({ ...copying, limit }, edge);
    edge = next;
    if (limit === 0 || count < limit) break;
  }
  if (edge.from === null) return;
  // `min` leaves out the greatest id of all.
  for await (const found of findRaw(db, { find: name, filter: { _id: new MaxKey() } })) {
    const [document] = found;
    if (document === undefined || edge.copied.has(keyIn(document))) continue;
    yield { bytes: document, documents: 1, is_end: true };
  }
}

/** What one cursor brings that was not copied before. */
async function* readOn(copying: Copying, begun: Edge) {
  let edge = begun;
  let [count, again, bytes] = [0, begun.copied.size, 0];
  let waiting: Buffer[] = [];
  const take = (is_end: boolean): Piece => {
    const piece = { bytes: Buffer.concat(waiting), documents: waiting.length, is_end };
    edge = edgeAfter(edge, waiting);
    waiting = [];
    bytes = 0;
    return piece;
  };
  for await (const documents of findRaw(copying.db, queryFrom(copying, begun.from))) {
    copying.signal.throwIfAborted();
    count += documents.length;
    for (const document of documents) {
      if (again > 0 && begun.copied.has(keyIn(document))) {
        again -= 1;
        continue;
      }
      waiting.push(document);
      bytes += document.length;
      if (bytes >= WRITE_BYTES) yield take(false);
    }
  }
  yield take(true);
  return { count, next: edge };
}

function edgeAfter(edge: Edge, documents: readonly Buffer[]): Edge {
  const at = documents.findLastIndex((document) => {
    const id = bsonField(document, '_id');
    return id !== undefined && id.type !== BSON_TYPE.most && hasExactValue(id);
  });
  const keys = documents.slice(Math.max(at, 0)).map(keyIn);
  if (at === -1) return { ...edge, copied: new Set([...edge.copied, ...keys]) };
  // A copy: it is not to hold the message of the server that it lies in.
  const from = bsonField(Buffer.from(documents[at] ?? []), '_id') ?? null;
  return { from, copied: new Set(keys) };
}

/** In the order of `_id`, from one document on; a capped collection in its own order, as that is part of it. */
function queryFrom({ name, limit }: Copying, from: BsonElement | null): RawFind {
  if (limit === 0) return { find: name };
  const query = { find: name, hint: { _id: 1 }, sort: { _id: 1 }, limit };
  return from === null ? query : { ...query, min: { _id: exactValue(from) } };
}
