import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { SERVICES } from '@holdfast/contracts/catalog';
import { systemCode } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import { printableConfig } from '@holdfast/runtime/config';
import type { ServiceContext } from '@holdfast/runtime/connect-service';

/** What is copied, and into which folder. */
export interface OwnCopyRequest {
  readonly context: Pick<ServiceContext, 'config' | 'data_dir' | 'service_config'>;
  readonly folder: string;
  readonly repository: { readonly id: string; readonly location: string };
  readonly signal: AbortSignal;
}

const FORMAT = 1;
/** Of one step of SQLite's copy, which runs beside the event loop. */
const PAGES_AT_ONCE = 1_000;
/** Databases are copied by SQLite, and who writes them leaves the rest beside them. Keys are never copied. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.sqlite', '.sqlite-wal', '.sqlite-shm', '.key', '.creds']);

/**
 * Puts together what Holdfast needs to begin again on an empty machine with the repository and its key: the database of
 * each service as of one moment, what else the audit log keeps, and the configuration without secrets. Never a key, a
 * token or a password. The folder is gone when the copy is disposed of; what a crash leaves is replaced the next time.
 */
export async function makeOwnCopy(request: OwnCopyRequest): Promise<AsyncDisposable> {
  const { context, folder, signal } = request;
  await rm(folder, { recursive: true, force: true });
  const paths = dataPaths(context.data_dir);
  const databases: string[] = [];
  for (const service of SERVICES) {
    for (const name of await databasesIn(paths.service(service))) {
      signal.throwIfAborted();
      await copyDatabase(join(paths.service(service), name), join(folder, service, name));
      databases.push(join(service, name));
    }
  }
  await copyOthers(paths.service('audit'), join(folder, 'audit'));
  await writeAbout(request, databases);
  return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function databasesIn(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  return names.filter((name) => extname(name) === '.sqlite').sort();
}

/** A service that has never run on this host has no folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** By SQLite's own copy, in one read transaction: whoever writes meanwhile neither waits nor is seen. */
async function copyDatabase(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  using db = new DatabaseSync(from, { readOnly: true });
  db.exec('PRAGMA busy_timeout = 5000; BEGIN');
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  const unfinished = `${to}.unfinished`;
  await backup(db, unfinished, { rate: PAGES_AT_ONCE });
  await rename(unfinished, to);
}

async function copyOthers(from: string, to: string): Promise<void> {
  for (const name of await namesIn(from)) {
    if (LEFT_OUT.has(extname(name))) continue;
    const found = await stat(join(from, name));
    if (found.isDirectory()) await copyOthers(join(from, name), join(to, name));
    if (!found.isFile()) continue;
    await mkdir(to, { recursive: true, mode: 0o700 });
    await copyFile(join(from, name), join(to, name));
  }
}

async function writeAbout(
  { context, folder, repository }: OwnCopyRequest,
  databases: string[],
): Promise<void> {
  const { config, data_dir, service_config } = context;
  const about = {
    format: FORMAT,
    version: service_config.version,
    host: config.host,
    data_dir,
    repository,
    databases,
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // JSON is YAML too: `--config` takes it as it is.
  const files = { 'about.json': about, 'holdfast.yaml': printableConfig(config) };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  }
}
