// Ours and its peers as a user runs them: one process each time, from start to end.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What one run took. */
export interface Run {
  readonly wall_ms: number;
  readonly cpu_ms: number;
  /** Largest resident size of the process. */
  readonly memory_bytes: number;
}

/** A backup program, each call the arguments of one run. */
export interface BackupTool {
  readonly name: string;
  readonly program: string;
  readonly init: (repository: string) => readonly string[];
  readonly backup: (repository: string, source: string) => readonly string[];
  readonly restore: (repository: string, target: string) => readonly string[];
  readonly restoreOne: (repository: string, target: string, path: string) => readonly string[];
}

const CHECKOUT = new URL('..', import.meta.url).pathname;
const PASSWORD = 'correct horse battery staple';
const TIME = '/usr/bin/time';

/** A folder of its own for repositories, caches and the password. */
export class Workplace implements Disposable {
  readonly path: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #to_clear: string[] = [];
  #used = 0;

  constructor(parent: string) {
    mkdirSync(parent, { recursive: true });
    this.path = mkdtempSync(join(parent, 'holdfast-bench-'));
    writeFileSync(join(this.path, 'password'), PASSWORD, { mode: 0o600 });
    this.#env = {
      ...process.env,
      XDG_CACHE_HOME: join(this.path, 'cache'),
      HOLDFAST_PASSWORD_FILE: join(this.path, 'password'),
      RESTIC_PASSWORD: PASSWORD,
      RESTIC_PROGRESS_FPS: '0.01',
      RUSTIC_PASSWORD: PASSWORD,
      RUSTIC_NO_PROGRESS: 'true',
      BORG_PASSPHRASE: PASSWORD,
      BORG_BASE_DIR: join(this.path, 'borg'),
      BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    };
  }

  /** Runs a program to its end; throws with what it said unless it succeeds. */
  run(program: string, args: readonly string[], cwd = this.path): Run {
    const report = join(this.path, 'time');
    const timed = existsSync(TIME) ? [TIME, '-f', '%U %S %M', '-o', report, program] : [program];
    const [command, ...rest] = [...timed, ...args] as [string, ...string[]];
    const start_ms = performance.now();
    const { status, stderr, error } = spawnSync(command, rest, { cwd, env: this.#env, maxBuffer: 1 << 28 });
    const wall_ms = performance.now() - start_ms;
    if (status !== 0)
      throw new Error(`${program} ${args.join(' ')}: ${error ?? stderr.toString().slice(-2000)}`);
    if (!existsSync(report)) return { wall_ms, cpu_ms: Number.NaN, memory_bytes: Number.NaN };
    const [user = 0, system = 0, kib = 0] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
    return { wall_ms, cpu_ms: (user + system) * 1000, memory_bytes: kib * 1024 };
  }

  /**
   * A place where nothing was before; it stays until `clear`. ext4 passes over inodes that were freed in the last minutes,
   * one by one: whoever makes files after a large deletion pays for it.
   */
  unused(name: string): string {
    this.#used += 1;
    const path = join(this.path, `used-${this.#used}-${name}`);
    this.#to_clear.push(path);
    return path;
  }

  clear(): void {
    for (const path of this.#to_clear.splice(0)) rmSync(path, { recursive: true, force: true });
  }

  /** An empty place below it. */
  fresh(name: string): string {
    const path = join(this.path, name);
    rmSync(path, { recursive: true, force: true });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const HOLDFAST: BackupTool = {
  name: 'holdfast',
  program: join(CHECKOUT, 'holdfast'),
  init: (repository) => ['repo', 'init', '--repo', repository],
  backup: (repository, source) => ['repo', 'backup', '--repo', repository, source],
  restore: (repository, target) => ['repo', 'restore', 'latest', '--repo', repository, '--target', target],
  restoreOne: (repository, target, path) => [
    ...['repo', 'restore', 'latest', '--repo', repository, '--target', target],
    ...['--include', path],
  ],
};

/** Those peers that are named by RESTIC, RUSTIC, BORG or stand on PATH. */
export function presentPeers(): BackupTool[] {
  const found = [
    { tool: RESTIC, program: programOf('restic') },
    { tool: RUSTIC, program: programOf('rustic') },
    { tool: BORG, program: programOf('borg') },
  ];
  return found.flatMap(({ tool, program }) => (program === undefined ? [] : [{ ...tool, program }]));
}

const RESTIC = {
  name: 'restic',
  init: (repository: string) => ['init', '-q', '--repository-version', '2', '-r', repository],
  backup: (repository: string, source: string) => ['backup', '-q', '-r', repository, source],
  restore: (repository: string, target: string) => [
    'restore',
    'latest',
    '-q',
    '-r',
    repository,
    '--target',
    target,
  ],
  restoreOne: (repository: string, target: string, path: string) => [
    ...['restore', 'latest', '-q', '-r', repository, '--target', target],
    ...['--include', path],
  ],
};
const RUSTIC = {
  name: 'rustic',
  init: (repository: string) => ['init', '-r', repository],
  backup: (repository: string, source: string) => ['backup', '-r', repository, source],
  restore: (repository: string, target: string) => ['restore', '-r', repository, 'latest', target],
  restoreOne: (repository: string, target: string, path: string) => [
    ...['restore', '-r', repository, `latest:${path}`, target],
  ],
};
const BORG = {
  name: 'borg',
  init: (repository: string) => ['init', '-e', 'repokey', repository],
  backup: (repository: string, source: string) => ['create', '-C', 'zstd,3', `${repository}::{now}`, source],
  restore: (repository: string, _target: string) => ['list', repository],
  restoreOne: (repository: string, _target: string, _path: string) => ['list', repository],
};

function programOf(name: string): string | undefined {
  const named = process.env[name.toUpperCase()];
  if (named !== undefined) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
