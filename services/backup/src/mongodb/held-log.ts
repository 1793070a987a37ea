import { HoldfastError } from '@holdfast/contracts/errors';
import type { Entry, Repository, Snapshot } from '@holdfast/repository/api';
import { BSON } from 'mongodb';
import { bsonSplit } from '../domain/mongodb/bson-bytes.ts';
import { type CollectionFacts, optionsOf } from '../domain/mongodb/collections.ts';
import type { BaseFacts, Holding } from '../domain/mongodb/restore-plan.ts';
import { parseSegmentFile, readSegment, type SegmentName, segmentFile } from '../domain/mongodb/segment.ts';
import { BASE_FILE, BASE_PREFIX, BaseFile, CHANGES, LogState, STATE_FILE } from './staging.ts';

/** What reading a backup of a database asks of the repository. */
export type LogReader = Pick<Repository, 'entries' | 'read_stream' | 'find'>;

/** The base and the changes of one database source, as a snapshot holds them. */
export interface HeldLog extends Holding {
  readonly bases: readonly (BaseFile & BaseFacts)[];
  readonly database: string;
  facts(base: BaseFile, collection: string): Promise<CollectionFacts>;
  /** The documents of a collection of a base, some at a time. */
  documents(base: BaseFile, collection: string): AsyncGenerator<Buffer[]>;
  events(segment: SegmentName): Promise<Buffer[]>;
  /** How much `documents` will read. */
  bytesOfBase(base: BaseFile, isNeeded: (collection: string) => boolean): number;
  /** How much `events` will read, of all of them together. */
  bytesOfLog(segments: readonly SegmentName[]): number;
}

/** Reads what a snapshot holds. Rejects with `not_found` where it is none of a database. */
export async function readHeldLog(reader: LogReader, snapshot: Snapshot): Promise<HeldLog> {
  const [root = ''] = snapshot.roots;
  const entries = new Map<string, Entry>();
  for await (const entry of reader.entries(snapshot)) entries.set(entry.path.slice(root.length + 1), entry);
  const read = (path: string) => readWhole(reader, entries.get(path), path);
  const base_paths = [...entries.keys()].filter(
    (path) => path.startsWith(BASE_PREFIX) && path.endsWith(`/${BASE_FILE}`),
  );
  const bases = await Promise.all(
    base_paths.map(async (path) => BaseFile.parse(JSON.parse(String(await read(path))))),
  );
  const [first] = bases;
  if (first === undefined) throw new HoldfastError('not_found', 'this backup holds no database');
  const segments = [...entries.keys()].flatMap((path) =>
    path.startsWith(`${CHANGES}/`) ? (parseSegmentFile(path.slice(CHANGES.length + 1)) ?? []) : [],
  );
  const state = entries.has(STATE_FILE) ? LogState.parse(JSON.parse(String(await read(STATE_FILE)))) : null;
  const fileOf = (base: BaseFile, collection: string) => {
    const { file } = base.collections[collection] ?? { file: collection };
    return `${BASE_PREFIX}${base.id}/${encodeURIComponent(base.database)}/${file}`;
  };
  const pathOf = (segment: SegmentName) => `${CHANGES}/${segmentFile(segment)}`;
  const bytesAt = (paths: readonly string[]) =>
    paths.reduce((sum, path) => sum + (entries.get(path)?.size ?? 0), 0);
  return {
    bases,
    segments,
    database: first.database,
    begins: state === null ? null : state.begins,
    quiet: state === null ? null : { after: state.tail, through: state.through },
    facts: async (base, collection) =>
      factsOf(String(await read(`${fileOf(base, collection)}.metadata.json`))),
    documents: (base, collection) => {
      const path = `${fileOf(base, collection)}.bson`;
      return documentsOf(reader, entries.get(path), path);
    },
    events: async (segment) => {
      const path = pathOf(segment);
      return eventsOf(await read(path), path);
    },
    bytesOfBase: (base, isNeeded) =>
      bytesAt(
        Object.keys(base.collections)
          .filter(isNeeded)
          .map((name) => `${fileOf(base, name)}.bson`),
      ),
    bytesOfLog: (all) => bytesAt(all.map(pathOf)),
  };
}

function factsOf(text: string): CollectionFacts {
  const { type, options, indexes } = BSON.EJSON.parse(text, { relaxed: false });
  return { kind: type === 'view' ? 'view' : 'collection', options: optionsOf(options), indexes };
}

function eventsOf(bytes: Buffer, path: string): Buffer[] {
  try {
    return readSegment(bsonSplit(bytes).documents).events;
  } catch (cause) {
    throw new HoldfastError('repo_damaged', `${path}: ${(cause as Error).message}`, { cause });
  }
}

async function* documentsOf(
  reader: LogReader,
  entry: Entry | undefined,
  path: string,
): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of reader.read_stream(required(entry, path))) {
    const split = bsonSplit(rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]));
    rest = split.rest;
    yield split.documents;
  }
  if (rest.length > 0) throw new HoldfastError('repo_damaged', `${path}: it ends within a document`);
}

async function readWhole(reader: LogReader, entry: Entry | undefined, path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of reader.read_stream(required(entry, path))) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function required(entry: Entry | undefined, path: string): Entry {
  if (entry === undefined) throw new HoldfastError('repo_damaged', `${path} is not in this backup`);
  return entry;
}
