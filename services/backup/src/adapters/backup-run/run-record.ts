import { HoldfastError } from '@holdfast/contracts/errors';
import type { Progress } from '@holdfast/repository/api';
import { announcement } from '../../domain/backup-run/decide.ts';
import { type BackupRun, isOver } from '../../domain/backup-run/state.ts';
import type { BackupState } from '../state.ts';

/** What is known of the runs under way, in memory, and how their steps are noted. */
export interface RunRecord {
  /** Aborted where the service stops. */
  readonly stopping: AbortSignal;
  isTaken(backup_id: string): boolean;
  /** Inside `write`: notes the run and tells of it; the run again. */
  noted(state: BackupState, run: BackupRun): BackupRun;
  /** In memory only: an on-change run needs no note, its changes are noted. */
  working(run: BackupRun, progress: Progress | null): void;
  /** The attempt is over; wakes who waits, where the run is over too. */
  settled(run: BackupRun): void;
  finished(backup_id: string): Promise<BackupRun>;
  progress(backup_id: string): Progress | undefined;
}

/** An empty record; `signal` rejects all who wait. */
export function createRunRecord(signal: AbortSignal): RunRecord {
  const working = new Map<string, Progress | null>();
  const waiters = new Map<string, PromiseWithResolvers<BackupRun>>();
  signal.addEventListener('abort', () => {
    for (const waiter of waiters.values())
      waiter.reject(new HoldfastError('interrupted', 'the service stops'));
  });
  return {
    stopping: signal,
    isTaken: (backup_id) => working.has(backup_id),
    noted: (state, run) => {
      state.runs.put(run);
      const told = announcement(run);
      const { backup_id: subject, correlationid, actor } = run;
      if (told !== null) state.tell(told.type, { subject, data: told.data, correlationid, actor });
      return run;
    },
    working: (run, progress) => void working.set(run.backup_id, progress),
    settled: (run) => {
      working.delete(run.backup_id);
      if (!isOver(run)) return;
      waiters.get(run.backup_id)?.resolve(run);
      waiters.delete(run.backup_id);
    },
    finished: (backup_id) =>
      waiters.getOrInsertComputed(backup_id, () => Promise.withResolvers<BackupRun>()).promise,
    progress: (backup_id) => working.get(backup_id) ?? undefined,
  };
}
