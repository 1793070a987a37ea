import type { BackupSettings } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { createLines } from '../line.ts';
import { type HookDeps, type OwedHooks, runAfter } from './hooks.ts';

export interface OwedHooksDeps extends Omit<HookDeps, 'owed'> {
  readonly settings: Pick<BackupSettings, 'sources'>;
}

/** Post hooks that a kill of the service kept from running, and who runs them. */
export interface OwedHooksRunner extends OwedHooks, AsyncDisposable {
  /** Begins with what an earlier life of the service left; nobody waits for it but the next backup of the source. */
  wake(): void;
}

/** Stands still until it is asked. */
export function openOwedHooks(deps: OwedHooksDeps): OwedHooksRunner {
  const { state, context } = deps;
  const lines = createLines();
  const settle = (source: string): Promise<void> =>
    lines.run(source, async () => {
      for (const run of state.owed_hooks.list(source)) await runOwed(deps, run);
    });
  return {
    settle,
    wake: () => {
      for (const source of new Set(state.owed_hooks.list().map((run) => run.source))) {
        settle(source).catch((error: unknown) =>
          context.log.error({ err: error, source }, 'post hooks that are owed did not run; will retry'),
        );
      }
    },
    async [Symbol.asyncDispose]() {
      await lines.over();
    },
  };
}

/** By then the catalog knows whether its snapshot was committed. */
async function runOwed(deps: OwedHooksDeps, run: BackupRun): Promise<void> {
  const { state, context, settings } = deps;
  const source = settings.sources.find(({ name }) => name === run.source);
  const { backup_id } = run;
  if (source === undefined) {
    state.write(() => state.owed_hooks.remove(backup_id));
    return context.log.warn(
      { backup_id, source: run.source },
      'post hooks are owed to a source that is not configured any more: they do not run',
    );
  }
  const manifest = state.catalog.get(backup_id);
  context.log.warn(
    { backup_id, source: run.source },
    'the service ended before post hooks ran; they run now',
  );
  await runAfter(
    deps,
    { run, source },
    manifest === undefined
      ? { HOLDFAST_OUTCOME: 'failure', HOLDFAST_ERROR_CODE: 'interrupted' }
      : { HOLDFAST_OUTCOME: 'success', HOLDFAST_SNAPSHOT_ID: manifest.snapshot_id },
  );
}
