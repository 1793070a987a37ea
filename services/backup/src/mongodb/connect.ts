import { type ErrorCode, HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { BSON, type Db, MongoClient, MongoError, type Timestamp } from 'mongodb';
import type { ClusterTime } from '../domain/mongodb/cluster-time.ts';

/** A database that was connected to; disposing closes the connections. */
export interface ConnectedDatabase extends AsyncDisposable {
  readonly client: MongoClient;
  readonly db: Db;
}

/** A server that is away is said to be so soon: nobody waits half a minute for it. */
const SELECT_MS = 5_000;

/**
 * Connects to the primary of a replica set. Rejects with `unavailable` where it does not answer and `config_invalid` where
 * the address is none; neither names the address, which may hold a password.
 */
export async function connectDatabase(url: string, database: string | undefined): Promise<ConnectedDatabase> {
  const client = clientOf(url);
  try {
    await client.connect();
    const name = database ?? client.options.dbName;
    const hello = await client.db(name).command({ hello: 1 });
    const reason = whyNoChangeLog(hello);
    if (reason !== null) throw new HoldfastError('config_invalid', reason);
    return { client, db: client.db(name), [Symbol.asyncDispose]: () => client.close() };
  } catch (error) {
    await client.close();
    throw mongoFailure(error);
  }
}

/** Why a server is not backed up, from its answer to `hello`; null where it is. */
export function whyNoChangeLog(hello: Readonly<Record<string, unknown>>): string | null {
  if (hello['msg'] === 'isdbgrid') {
    return 'MongoDB is a sharded cluster, which Holdfast does not back up: only a replica set';
  }
  const is_set = hello['setName'] !== undefined;
  return is_set ? null : 'MongoDB runs as a single server: only a replica set has a change log';
}

/** The moment that MongoDB has come to (all writes up to it are done), and the process that says so. */
export async function clusterNow(db: Db): Promise<{ time: ClusterTime; server: string }> {
  const reply = await db.command({ hello: 1 }).catch((error: unknown) => {
    throw mongoFailure(error);
  });
  const time = reply['operationTime'] as Timestamp | undefined;
  if (time === undefined) throw new HoldfastError('unavailable', 'MongoDB tells no cluster time');
  return {
    time: { seconds: time.t, increment: time.i },
    server: String(reply['topologyVersion']?.processId),
  };
}

/** Any error of the driver as one of the catalogue, without the address: `unavailable`, `forbidden`, `internal`. */
export function mongoFailure(error: unknown): unknown {
  // Cleaning up failed too, as it does where the server is gone: what went wrong first is what is told.
  if (isSuppressed(error)) return mongoFailure(error.suppressed);
  if (isHoldfastError(error) || !isMongoError(error)) return error;
  const code = CODES[String(error.code)] ?? (isAway(error) ? 'unavailable' : 'internal');
  // What a server answers holds no address; what the driver says may.
  const cause = error.name === 'MongoServerError' ? error : undefined;
  return new HoldfastError(code, `MongoDB: ${withoutAddress(error.message)}`, { cause });
}

// Node's own class is another one than that of a test.
function isSuppressed(error: unknown): error is SuppressedError {
  return Error.isError(error) && error.name === 'SuppressedError';
}

/** True for errors of the driver and of the server, of any realm. */
export function isMongoError(error: unknown): error is MongoError {
  return error instanceof MongoError || (Error.isError(error) && error.name.startsWith('Mongo'));
}

/** Decodes metadata (never documents of people), every value with its exact type. */
export function decodeExactly(bytes: Uint8Array): Record<string, unknown> {
  return BSON.deserialize(bytes, {
    promoteValues: false,
    promoteLongs: false,
    promoteBuffers: false,
    bsonRegExp: true,
  });
}

const UNAUTHORIZED = '13';
const AUTHENTICATION_FAILED = '18';
const CODES: Readonly<Record<string, ErrorCode>> = {
  [UNAUTHORIZED]: 'forbidden',
  [AUTHENTICATION_FAILED]: 'forbidden',
};

function clientOf(url: string): MongoClient {
  try {
    const patience = /[?&]serverSelectionTimeoutMS=/i.test(url)
      ? {}
      : { serverSelectionTimeoutMS: SELECT_MS };
    return new MongoClient(url, { ...patience, appName: 'holdfast' });
  } catch {
    // The driver's own words may quote the address with its password.
    throw new HoldfastError('config_invalid', 'mongodb_url is no address of MongoDB');
  }
}

function isAway(error: MongoError): boolean {
  return /Network|ServerSelection|NotConnected|Timeout|Topology|PoolCleared|Interrupted/i.test(
    `${error.name} ${error.message}`,
  );
}

function withoutAddress(message: string): string {
  return message.replace(/mongodb(\+srv)?:\/\/\S+/gi, 'mongodb://…');
}

/** A query of a request, in Extended JSON, as the driver takes it. */
export function decodeQuery(query: Record<string, unknown>): Record<string, unknown> {
  return BSON.EJSON.deserialize(query, { relaxed: false }) as Record<string, unknown>;
}
