import { join } from 'node:path';
import type { Repository, Snapshot } from '@holdfast/repository/api';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { startTestMongo, type TestMongo, type TestMongoOptions } from '@holdfast/testkit/mongo';
import { tempDir } from '@holdfast/testkit/temp-dir';
import type { CollectionInfo } from 'mongodb';
import { createCapture } from '../../src/mongodb/capture.ts';
import { type RestoreDatabase, restoreDatabase } from '../../src/mongodb/restore-database.ts';

const { signal } = new AbortController();

/** A real MongoDB, a repository, and sources that are backed up into it. */
export interface Protected extends AsyncDisposable {
  readonly mongo: TestMongo;
  readonly repository: Repository;
  readonly folder: string;
  protect(database: string, collections?: string[]): ProtectedDatabase;
  restore(
    snapshot: Snapshot,
    to: string,
    wish?: Partial<RestoreDatabase>,
  ): ReturnType<typeof restoreDatabase>;
  /** Options and indexes of each collection, by name. */
  factsOf(database: string): Promise<Record<string, unknown>>;
}

/** A source of its own: its capture, and its backups. */
export interface ProtectedDatabase extends AsyncDisposable {
  readonly staging_folder: string;
  backUp(backup_id: string, full?: boolean): Promise<Snapshot>;
  follow(): Promise<number>;
}

export interface ProtectedOptions {
  readonly piece_documents?: number;
  /** Of the server that is started. */
  readonly server?: TestMongoOptions;
}

export async function startProtected({ server, ...options }: ProtectedOptions = {}): Promise<Protected> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(tempDir());
  const mongo = parts.use(await startTestMongo(server));
  const key = { location: join(folder.path, 'repository'), key_file: join(folder.path, 'key') };
  const repository = parts.use(await openOrCreate(key));
  const held = parts.move();
  const protect = (database: string, collections: string[] = []): ProtectedDatabase => {
    const staging_folder = join(folder.path, database);
    const source = { name: 'db', folder: staging_folder, database, collections, url: async () => mongo.url };
    const capture = createCapture(source, { now_ms: Date.now, segment_bytes: 20_000, ...options });
    const backUp = async (backup_id: string, full = false) => {
      const parent = (await repository.snapshots({ source: database }))[0];
      const isKept = async (path: string) =>
        parent !== undefined && (await repository.find(parent, path)) !== undefined;
      await capture.prepare({ backup_id, full, isKept, signal });
      const request = { host: 'web1', source: database, roots: [staging_folder], metadata: () => ({}) };
      return (await repository.backup(request)).snapshot;
    };
    const follow = () => capture.follow(signal);
    return { backUp, follow, staging_folder, [Symbol.asyncDispose]: () => capture[Symbol.asyncDispose]() };
  };
  return {
    mongo,
    repository,
    folder: folder.path,
    protect,
    restore: (snapshot, to, wish = {}) =>
      restoreDatabase({
        repository,
        snapshot,
        target: mongo.client.db(to),
        at: null,
        overwrite: false,
        signal,
        ...wish,
      }),
    factsOf: async (database) => {
      const db = mongo.client.db(database);
      const facts: Record<string, unknown> = {};
      for (const { name, type, options: own } of (await db.listCollections().toArray()) as CollectionInfo[]) {
        const indexes = type === 'view' ? [] : await db.collection(name).indexes();
        facts[name] = { options: own, indexes: indexes.map((index) => JSON.stringify(index)).sort() };
      }
      return facts;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
