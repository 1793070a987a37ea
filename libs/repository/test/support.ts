import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import type { BackupRequest, CheckProblem, Repository } from '../src/api.ts';
import { deriveKeys, type RepositoryKeys } from '../src/crypto/keys.ts';
import { unlock } from '../src/key-ring.ts';
import { initRepository } from '../src/open.ts';
import { readConfig } from '../src/repository-config.ts';

/** A folder that goes away with the block that uses it. */
export interface Scratch extends Disposable {
  readonly path: string;
  /** Writes a file below it, with the folders above; its path. */
  write(name: string, data: string | Buffer): string;
}

export function makeScratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-repository-'));
  return {
    path,
    write(name, data) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, data);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export const SECRET = { password: 'correct horse' };

/** A repository in memory (or in a store that is given), with a cheap key slot. */
export async function makeRepository(
  options: { store?: BlobStore; cache_dir?: string } = {},
): Promise<{ repository: Repository; store: BlobStore }> {
  const store = options.store ?? createMemoryStore();
  const cache = options.cache_dir === undefined ? {} : { cache_dir: options.cache_dir };
  const repository = await initRepository(store, SECRET, { rounds: 1000, ...cache });
  return { repository, store };
}

/** The keys of a repository that SECRET opens: to make objects by hand. */
export async function keysOf(store: BlobStore): Promise<RepositoryKeys> {
  const id = Buffer.from((await readConfig(store)).id, 'hex');
  return deriveKeys(id, (await unlock(store, id, SECRET)).secrets);
}

/** A request with what every test leaves the same. */
export function requestOf(root: string, more: Partial<BackupRequest & { skip_unchanged: boolean }> = {}) {
  return { host: 'web1', source: 'site', roots: [root], metadata: () => ({}), ...more };
}

/** All problems that a check finds. */
export async function problemsOf(repository: Repository, read_data = true): Promise<CheckProblem[]> {
  const problems: CheckProblem[] = [];
  await repository.check({ read_data, on_problem: (problem) => problems.push(problem) });
  return problems;
}

/** Bytes without a pattern, the same for the same number. */
export function noise(number: number, length: number): Buffer {
  const data = Buffer.allocUnsafe(length);
  // Under Jest a look at a global costs a call: one each byte made tests of megabytes take seconds.
  const { imul } = Math;
  let state = number * 2 + 1;
  for (let at = 0; at < length; at += 1) {
    state = (imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) | 0;
    data[at] = state >>> 16;
  }
  return data;
}

/** Checksums of all files below a folder, by their paths in there. */
export type Content = Record<string, string>;

export function contentOf(folder: string): Content {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), digestOf(path)]));
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
