import { createHash, randomBytes } from 'node:crypto';
import type { BackupManifest, DatabaseProof } from '@holdfast/contracts/backup-events';
import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import type { ReportProgress } from '@holdfast/contracts/http/progress';
import type { Snapshot } from '@holdfast/repository/api';
import type { MongoClient } from 'mongodb';
import type { MongoSource } from '../../mongodb/capture.ts';
import { connectDatabase, mongoFailure } from '../../mongodb/connect.ts';
import {
  findingsOf,
  type Proving,
  reckonDatabase,
  restoreIntoScratch,
} from '../../mongodb/prove-database.ts';
import { STATE_FILE } from '../../mongodb/staging.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';

export interface ProvenDatabase {
  readonly database: DatabaseProof;
  readonly problems: readonly string[];
}

/** One proof for each call; those of this process know each other's databases. */
const proving_now = new Set<string>();

/**
 * Proves that a backup of a database restores: into a database of its own on a real MongoDB, everything compared; where
 * none can be used, the changes are applied to the base without one, and the answer says so. Null: it is none of a database.
 */
export async function proveDatabase(
  deps: SnapshotDeps,
  { manifest, snapshot }: { manifest: BackupManifest; snapshot: Snapshot },
  watching: { readonly signal: AbortSignal; readonly report?: ReportProgress | undefined },
): Promise<ProvenDatabase | null> {
  const [root = ''] = snapshot.roots;
  if ((await deps.repository.find(snapshot, `${root}/${STATE_FILE}`)) === undefined) return null;
  const { settings, context, repository } = deps;
  const source = settings.sources.find(({ name }) => name === manifest.sources[0]?.source)?.mongodb;
  if (source === undefined && settings.sources.some(({ name }) => name === manifest.sources[0]?.source))
    return null;
  const proving = await reckoned(() => reckonDatabase(repository, snapshot, watching));
  const told = (reason: string | null, { problems, ...counts } = findingsOf(proving)) => ({
    database: { restored: reason === null, ...counts, reason },
    problems,
  });
  if (source === undefined) return told('no source of this host reaches this database');
  try {
    return told(null, await inScratch(proving, source, `${context.host}/${source.name}`));
  } catch (error) {
    if (!isHoldfastError(error) || !UNUSABLE.has(error.code)) throw error;
    return told(error.message);
  }
}

/** MongoDB is away, or does not let Holdfast make a database. */
const UNUSABLE: ReadonlySet<string> = new Set(['unavailable', 'forbidden', 'config_invalid']);

// Changes that do not fit their base are damage of the backup, not a mistake of this program.
async function reckoned(work: () => Promise<Proving>): Promise<Proving> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HoldfastError('repo_damaged', `the change log does not fit its base: ${error.message}`, {
      cause: error,
    });
  }
}

async function inScratch(proving: Proving, source: MongoSource, owner: string) {
  const url = (await source.verify_url?.()) ?? (await source.url());
  await using connected = await connectDatabase(url, undefined);
  const prefix = `holdfast_verify_${createHash('sha256').update(owner).digest('hex').slice(0, 8)}_`;
  await removeLeft(connected.client, prefix).catch((error: unknown) => {
    throw mongoFailure(error);
  });
  const name = `${prefix}${randomBytes(4).toString('hex')}`;
  proving_now.add(name);
  try {
    return await restoreIntoScratch(proving, connected.client.db(name));
  } finally {
    proving_now.delete(name);
  }
}

/** What a proof of this source left that was killed. */
async function removeLeft(client: MongoClient, prefix: string): Promise<void> {
  const filter = { name: { $regex: `^${prefix}` } };
  const { databases } = await client.db().admin().listDatabases({ filter, nameOnly: true });
  for (const { name } of databases) if (!proving_now.has(name)) await client.db(name).dropDatabase();
}
