import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readKeyFile } from '@holdfast/repository/repository-key';
import type { PathFacts } from './tree-facts.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
const PROGRAM = join(CHECKOUT, 'test/second-reader/read_repository.py');
const GOLDEN = join(CHECKOUT, 'test/golden');
// scripts/setup/second-reader.mjs puts them there.
const PACKAGES = join(CHECKOUT, '.cache/second-reader/venv');

/** One repository of test/golden with what must come out of it. */
export interface Golden {
  readonly name: string;
  readonly repository: string;
  /** Which of the files beside it open it. */
  readonly opens: readonly ('key' | 'password')[];
  readonly snapshots: Readonly<Record<string, { paths: Readonly<Record<string, PathFacts>> }>>;
}

export function goldenRepositories(): Golden[] {
  const names = readdirSync(GOLDEN).filter((name) => existsSync(join(GOLDEN, name, 'expected.json')));
  return names.sort().map((name) => {
    const expected = JSON.parse(readFileSync(join(GOLDEN, name, 'expected.json'), 'utf8'));
    return { name, repository: join(GOLDEN, name, 'repository'), ...expected };
  });
}

/** The secret of a golden repository as the engine takes it. */
export async function secretOf({ name }: Golden, opens: 'key' | 'password') {
  const file = join(GOLDEN, name, opens);
  if (opens === 'key') return { key_file_bytes: await readKeyFile(file) };
  return { password: readFileSync(file, 'utf8').trimEnd() };
}

/** The same as the second reader takes it. */
export function secretArguments({ name }: Golden, opens: 'key' | 'password'): string[] {
  return [opens === 'key' ? '--key-file' : '--password-file', join(GOLDEN, name, opens)];
}

/** False where the set-up could not install its packages. */
export function isSecondReaderThere(): boolean {
  return existsSync(join(PACKAGES, 'requirements.txt'));
}

/** Runs the second reader; resolves with its exit code and what it printed. */
export async function runSecondReader(args: readonly string[]) {
  const own = join(PACKAGES, 'bin/python3');
  const env = { ...process.env, PYTHONPATH: PACKAGES, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(existsSync(own) ? own : 'python3', [PROGRAM, ...args], { env });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number, stdout, stderr };
}
