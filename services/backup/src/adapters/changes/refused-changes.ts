import type { BackupStats } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { backoffMs } from '../../domain/backoff.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';
import type { TakenChanges } from './change-table.ts';

/** Changed files that could not be read when they were to be backed up at once. */
export interface RefusedChanges extends Disposable {
  /** True where one of the changes of a run was refused before, and told so. */
  has(run: BackupRun, taken: TakenChanges): boolean;
  /** Those of the source of a run that it does not look at: their time has not come. */
  others(run: BackupRun, taken: TakenChanges): BackupStats['unreadable'];
  /**
   * Inside `write`, at the end of an on-change run: tells of those that were refused as BackupFailed, which is an alert,
   * and has them tried again, later and later. The others are in the backup all the same. How many there are.
   */
  settle(run: BackupRun, taken: TakenChanges, unreadable: BackupStats['unreadable']): number;
}

export interface RefusedDeps {
  readonly context: ServiceContext;
  readonly state: BackupState;
  /** Called when one of them is to be tried again. */
  readonly wake: () => void;
}

interface Refused {
  readonly source: string;
  readonly path: string;
  readonly reason: string;
  readonly attempts: number;
  readonly cancel: () => void;
}

const BACKOFF = { first_ms: 1_000, max_ms: 300_000 };

/** None yet: after a restart the next walk comes upon them. */
export function createRefusedChanges(deps: RefusedDeps): RefusedChanges {
  const refused = new Map<string, Refused>();
  return {
    has: (run, taken) => taken.paths.some(({ path }) => refused.has(keyOf(run, path))),
    others: ({ source }, taken) => {
      const looked_at = new Set(taken.paths.map(({ path }) => path));
      return [...refused.values()]
        .filter((one) => one.source === source && !looked_at.has(one.path))
        .map(({ path, reason }) => ({ path, reason }));
    },
    settle: (run, taken, unreadable) => {
      const reasons = new Map(unreadable.map(({ path, reason }) => [path, reason]));
      let attempt = 0;
      for (const { path } of taken.paths) {
        const key = keyOf(run, path);
        const before = refused.get(key);
        before?.cancel();
        refused.delete(key);
        const reason = reasons.get(path);
        if (reason === undefined) continue;
        const attempts = (before?.attempts ?? 0) + 1;
        refused.set(key, {
          source: run.source,
          path,
          reason,
          attempts,
          cancel: tryAgain(deps, run, { path, attempts }),
        });
        attempt = Math.max(attempt, attempts);
      }
      const told = taken.paths.filter(({ path }) => reasons.has(path));
      if (told.length > 0) tell(deps, run, { attempt, message: messageOf(told, reasons) });
      return told.length;
    },
    [Symbol.dispose]: () => {
      for (const { cancel } of refused.values()) cancel();
    },
  };
}

function keyOf({ source }: BackupRun, path: string): string {
  return `${source}\0${path}`;
}

function tryAgain(
  { context, state, wake }: RefusedDeps,
  { source, correlationid }: BackupRun,
  { path, attempts }: { path: string; attempts: number },
): () => void {
  const { clock, log } = context;
  return clock.after(backoffMs(attempts, BACKOFF), () => {
    const change = { source, path, gone: false, since_ms: clock.now_ms(), correlationid, traceparent: null };
    try {
      state.write(() => state.changes.add(change));
    } catch (error) {
      // The disk is full, most likely: a walk will come upon it.
      log.error({ err: error, path }, 'a change that was refused could not be noted again');
    }
    wake();
  });
}

function messageOf(told: readonly { path: string }[], reasons: ReadonlyMap<string, string>): string {
  const [first] = told;
  const more = told.length === 1 ? '' : ` (and ${told.length - 1} more)`;
  return `${first?.path} changed and cannot be read: ${reasons.get(first?.path ?? '')}${more}`;
}

function tell(
  { state }: RefusedDeps,
  run: BackupRun,
  { attempt, message }: { attempt: number; message: string },
) {
  const { backup_id, backup_type, source, reason, correlationid, actor } = run;
  const error = { code: 'source_unreadable', message };
  const data = { backup_id, backup_type, sources: [source], reason, attempt, error };
  state.tell('BackupFailed', { subject: backup_id, data, correlationid, actor });
}
