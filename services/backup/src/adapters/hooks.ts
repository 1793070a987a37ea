import type { HookReport } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { HooksConfig, PostHook, PreHook } from '@holdfast/contracts/source-commands';
import type { BackupResult } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { ProtectedSource } from '../config.ts';
import type { BackupRun } from '../domain/backup-run/state.ts';
import { type CommandOutcome, commandName, runCommand } from './run-command.ts';
import { runErrorOf } from './run-error.ts';
import { folderOf } from './standing.ts';

export interface HookDeps {
  readonly context: ServiceContext;
}

export interface Hooked {
  readonly run: BackupRun;
  readonly source: ProtectedSource;
  readonly signal: AbortSignal;
}

type Work = (ran: readonly HookReport[]) => Promise<BackupResult>;

/**
 * Runs the commands of a source before the work and after it, whatever came of that. A pre hook that fails is
 * `hook_failed` and there is no work, unless it says `on_error: continue`. A post hook that fails is logged: the backup
 * stands. Backups that an edit starts have no hooks: there is one a second.
 */
export async function withHooks(deps: HookDeps, hooked: Hooked, work: Work): Promise<BackupResult> {
  const { hooks } = hooked.source.config;
  if (hooks === undefined || !hooked.run.walk) return work([]);
  let made: BackupResult;
  try {
    made = await work(await runBefore(deps, hooked, hooks));
  } catch (error) {
    const { code } = runErrorOf(error);
    await runAfter(deps, hooked, { hooks, env: { HOLDFAST_OUTCOME: 'failure', HOLDFAST_ERROR_CODE: code } });
    throw error;
  }
  const env = { HOLDFAST_OUTCOME: 'success', HOLDFAST_SNAPSHOT_ID: made.snapshot.id } as const;
  await runAfter(deps, hooked, { hooks, env });
  return made;
}

async function runBefore(deps: HookDeps, hooked: Hooked, { pre }: HooksConfig): Promise<HookReport[]> {
  const ran: HookReport[] = [];
  for (const hook of pre) {
    const { name, outcome } = await runHook(deps, hooked, { hook, env: { HOLDFAST_HOOK: 'pre' } });
    const { exit_code, problem, duration_ms } = outcome;
    hooked.signal.throwIfAborted();
    if (problem !== null && hook.on_error === 'fail') {
      throw new HoldfastError('hook_failed', `the pre hook ${name} failed: ${problem}`);
    }
    ran.push({ name, exit_code, duration_ms });
  }
  return ran;
}

interface After {
  readonly hooks: HooksConfig;
  readonly env: { readonly HOLDFAST_OUTCOME: 'success' | 'failure' } & Record<string, string>;
}

async function runAfter(deps: HookDeps, hooked: Hooked, { hooks, env }: After): Promise<void> {
  const wanted = hooks.post.filter(({ when }) => when === 'always' || when === env.HOLDFAST_OUTCOME);
  // What was stopped before is started again also where the service stops: these are not ended by it.
  const patient = { ...hooked, signal: undefined };
  for (const hook of wanted) await runHook(deps, patient, { hook, env: { HOLDFAST_HOOK: 'post', ...env } });
}

interface OneHook {
  readonly hook: PreHook | PostHook;
  readonly env: Record<string, string>;
}

type HookedOrPatient = Omit<Hooked, 'signal'> & { readonly signal: AbortSignal | undefined };

async function runHook(
  { context }: HookDeps,
  { run, source, signal }: HookedOrPatient,
  { hook, env }: OneHook,
) {
  const name = hook.name ?? commandName(hook.run);
  const outcome = await runCommand({
    run: hook.run,
    working_folder: hook.working_folder ?? folderOf(source),
    env: { ...hook.env, ...environmentOf(run, context.host), ...env },
    // What the configuration gave it: any of it may be a secret.
    secrets: Object.values(hook.env),
    timeout_ms: hook.timeout,
    signal,
  });
  const fields = { backup_id: run.backup_id, source: source.name, hook: name, ...logged(outcome) };
  if (outcome.problem === null) context.log.info(fields, 'a hook ran');
  else context.log.error({ ...fields, problem: outcome.problem }, 'a hook failed');
  return { name, outcome };
}

/** What every command of a source is told of the backup. */
export function environmentOf(run: BackupRun, host: string): Record<string, string> {
  return {
    HOLDFAST_BACKUP_ID: run.backup_id,
    HOLDFAST_BACKUP_TYPE: run.backup_type,
    HOLDFAST_SOURCE: run.source,
    HOLDFAST_HOST: host,
    HOLDFAST_REASON: run.reason,
    HOLDFAST_ATTEMPT: String(run.attempt),
  };
}

/** For the log. */
export function logged({ exit_code, output, duration_ms }: CommandOutcome) {
  return { exit_code, duration_ms, output };
}
