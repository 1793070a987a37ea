import type { HookReport } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { HooksConfig, PostHook, PreHook } from '@holdfast/contracts/source-commands';
import type { BackupResult } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { ProtectedSource } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { runErrorOf } from '../backup-run/run-error.ts';
import { folderOf } from '../backup-run/standing.ts';
import type { BackupState } from '../state.ts';
import { type CommandOutcome, commandName, runCommand } from './run-command.ts';

/** What is left of hooks that a kill of the service cut short. */
export interface OwedHooks {
  /** Resolves when no post hook of an earlier run of a source is owed any more. */
  settle(source: string): Promise<void>;
}

export interface HookDeps {
  readonly context: ServiceContext;
  readonly state: BackupState;
  readonly owed: OwedHooks;
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
 * stands. Post hooks are owed from before the first pre hook on: after a kill they run at the next start. Backups that an
 * edit starts have no hooks: there is one a second.
 */
export async function withHooks(deps: HookDeps, hooked: Hooked, work: Work): Promise<BackupResult> {
  const { hooks } = hooked.source.config;
  if (hooks === undefined || !hooked.run.walk) return work([]);
  // What an earlier run stopped is started again before this one stops it.
  await deps.owed.settle(hooked.source.name);
  hooked.signal.throwIfAborted();
  deps.state.write(() => deps.state.owed_hooks.put(hooked.run));
  let made: BackupResult;
  try {
    made = await work(await runBefore(deps, hooked, hooks));
  } catch (error) {
    const { code } = runErrorOf(error);
    await runAfter(deps, hooked, { HOLDFAST_OUTCOME: 'failure', HOLDFAST_ERROR_CODE: code });
    throw error;
  }
  await runAfter(deps, hooked, { HOLDFAST_OUTCOME: 'success', HOLDFAST_SNAPSHOT_ID: made.snapshot.id });
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

type OutcomeEnvironment = { readonly HOLDFAST_OUTCOME: 'success' | 'failure' } & Record<string, string>;

/** Runs the post hooks that the outcome wants; from then on none are owed to the run. Rejects never for what a hook does. */
export async function runAfter(
  deps: Omit<HookDeps, 'owed'>,
  { run, source }: Omit<Hooked, 'signal'>,
  env: OutcomeEnvironment,
): Promise<void> {
  const { state, context } = deps;
  const post = source.config.hooks?.post ?? [];
  const wanted = post.filter(({ when }) => when === 'always' || when === env.HOLDFAST_OUTCOME);
  // What was stopped before is started again also where the service stops: these are not ended by it.
  const patient = { run, source, signal: undefined };
  for (const hook of wanted) await runHook(deps, patient, { hook, env: { HOLDFAST_HOOK: 'post', ...env } });
  try {
    state.write(() => state.owed_hooks.remove(run.backup_id));
  } catch (error) {
    // The disk is full: the backup stands, and the hooks run once more, which they have to stand anyway.
    context.log.error({ err: error, backup_id: run.backup_id }, 'that post hooks ran could not be noted');
  }
}

interface OneHook {
  readonly hook: PreHook | PostHook;
  readonly env: Record<string, string>;
}

type HookedOrPatient = Omit<Hooked, 'signal'> & { readonly signal: AbortSignal | undefined };

async function runHook(
  { context }: Pick<HookDeps, 'context'>,
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
