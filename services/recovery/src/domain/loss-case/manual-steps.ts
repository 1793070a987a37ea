import type { LossCase } from './state.ts';

/** A version that a person could choose. */
export interface KnownVersion {
  readonly snapshot_id: string;
  readonly backed_up_at_ms: number;
}

const PLAIN = /^[\w@%+=:,./-]+$/;

/** One word for a POSIX shell. */
export function shellQuote(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What a person can do now, as commands that run as they stand. */
export function manualSteps(state: LossCase, versions: readonly KnownVersion[]): string[] {
  const path = shellQuote(state.path);
  const newest = versions[0];
  const steps = [`./holdfast history ${path}`];
  if (newest) {
    steps.push(
      `./holdfast recover --file ${path} --at ${new Date(newest.backed_up_at_ms).toISOString()}`,
      `./holdfast repo restore ${newest.snapshot_id} --include ${path} --target /tmp/holdfast-restore`,
    );
  } else {
    steps.push(`git log --all --oneline -- ${path}`, `./holdfast list --json --sort timestamp_desc`);
  }
  if (state.kind === 'deleted') steps.push(`./holdfast allow-delete ${path}`);
  return steps;
}
