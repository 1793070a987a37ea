import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { BSON, type Db } from 'mongodb';
import { optionsOf } from '../domain/mongodb/collections.ts';
import { decodeExactly, isMongoError, mongoFailure } from './connect.ts';
import { piecesOf } from './copy-pieces.ts';
import { syncFolder } from './staging.ts';

export interface CopyWork {
  readonly db: Db;
  /** Where the base is put together. */
  readonly folder: string;
  /** Empty: all of the database. */
  readonly collections: readonly string[];
  /** Called after every piece, so that the change log does not fall behind during a long copy. */
  readonly afterPiece: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly piece_documents?: number | undefined;
}

export type Copied = Record<string, { file: string; documents: number }>;

interface CollectionInfo {
  readonly name: string;
  readonly type: string;
  readonly options: Record<string, unknown>;
}

/** One cursor reads so many: none lives long, so no time limit of the server ends it. */
const PIECE_DOCUMENTS = 50_000;
/** The collection that a cursor read was dropped or renamed. */
const GONE_CODES = new Set([26, 175]);

/**
 * Copies the collections as they are while writers go on: each document as it was at some moment of the copy. With the
 * changes since its begin replayed over it, it is what there was at its end.
 */
export async function copyCollections(work: CopyWork): Promise<Copied> {
  const folder = join(work.folder, encodeURIComponent(work.db.databaseName));
  await mkdir(folder, { mode: 0o700 });
  const copied: Copied = {};
  for (const info of await chosenCollections(work.db, work.collections)) {
    const file = encodeURIComponent(info.name);
    await writeMetadata(join(folder, `${file}.metadata.json`), work.db, info);
    const documents = info.type === 'view' ? 0 : await copyOne(work, info, join(folder, `${file}.bson`));
    copied[info.name] = { file, documents };
  }
  await syncFolder(folder);
  await syncFolder(work.folder);
  return copied;
}

/** The collections that are to be copied. Rejects with `unsupported_collection` where one is a time series. */
export async function chosenCollections(db: Db, chosen: readonly string[]): Promise<CollectionInfo[]> {
  const all = (await listed(db)).filter(({ name }) => !name.startsWith('system.'));
  const wanted = all.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const series = wanted.filter(({ type }) => type === 'timeseries').map(({ name }) => name);
  if (series.length > 0) {
    const names = series.map((name) => `${db.databaseName}.${name}`).join(', ');
    throw new HoldfastError(
      'unsupported_collection',
      `${names}: a time series has no change log; name the other collections in mongodb_collections`,
    );
  }
  return wanted;
}

async function listed(db: Db): Promise<CollectionInfo[]> {
  try {
    const cursor = db.listCollections({}, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
    return (await cursor.toArray()) as unknown as CollectionInfo[];
  } catch (error) {
    throw mongoFailure(error);
  }
}

async function writeMetadata(path: string, db: Db, info: CollectionInfo): Promise<void> {
  const indexes = info.type === 'view' ? [] : await indexesOf(db, info.name);
  const metadata = { type: info.type, options: optionsOf(info.options), indexes };
  await writeSynced(path, async (file) => {
    await file.writeFile(BSON.EJSON.stringify(metadata, { relaxed: false }));
  });
}

async function indexesOf(db: Db, name: string): Promise<unknown[]> {
  try {
    const raw = await db.collection(name).listIndexes({ raw: true }).toArray();
    return raw.map((bytes) => decodeExactly(bytes as unknown as Buffer));
  } catch (error) {
    // It was dropped meanwhile; the change log tells so.
    if (isGone(error)) return [];
    throw mongoFailure(error);
  }
}

async function copyOne(work: CopyWork, info: CollectionInfo, path: string): Promise<number> {
  let documents = 0;
  await writeSynced(path, async (file) => {
    try {
      const limit = info.options['capped'] === true ? 0 : (work.piece_documents ?? PIECE_DOCUMENTS);
      const copying = { db: work.db, name: info.name, limit, signal: work.signal };
      for await (const piece of piecesOf(copying)) {
        await file.writeFile(piece.bytes);
        documents += piece.documents;
        if (piece.is_end) await work.afterPiece();
      }
    } catch (error) {
      // Dropped: the log has that, and all that came after it. Renamed: the log has that too, and the base is made anew.
      if (!isGone(error)) throw mongoFailure(error);
    }
  });
  return documents;
}

function isGone(error: unknown): boolean {
  return isMongoError(error) && GONE_CODES.has(Number(error.code));
}

async function writeSynced(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
