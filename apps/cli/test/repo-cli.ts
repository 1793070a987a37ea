import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The CLI itself, for tests that start it in their own way. */
export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** What a run of the CLI said. */
export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Stdout, read as the one JSON document that it should be. */
  // biome-ignore lint/suspicious/noExplicitAny: it is what a test looks into.
  json(): any;
}

/** A folder for one test file, and `holdfast repo …` run with its cache in there. */
export interface RepoCli {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs to the end; `input` is its stdin. */
  run(args: readonly string[], input?: string): CliRun;
  /** Takes the folder away: for `afterAll`. */
  readonly remove: () => void;
}

export function makeRepoCli(): RepoCli {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-repo-cli-'));
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  return {
    folder,
    env,
    run(args, input = '') {
      const options = { env, input, encoding: 'utf8' } as const;
      const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'repo', ...args], options);
      return { status, stdout, stderr, json: () => JSON.parse(stdout) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
