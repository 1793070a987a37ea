import type { Progress } from '@holdfast/repository/api';
import type { Clock } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';

const EVERY_MS = 5_000;

/** Logs how far a backup is, its rate and when it will be done: at most every five seconds, so never for a short one. */
export function progressLogger(clock: Clock, log: Logger, backup_id: string): (progress: Progress) => void {
  const start_ms = clock.now_ms();
  let told_ms = start_ms;
  return ({ files_done, files_total, bytes_done, bytes_total }) => {
    const now_ms = clock.now_ms();
    if (now_ms - told_ms < EVERY_MS) return;
    told_ms = now_ms;
    const bytes_per_second = Math.round((bytes_done * 1000) / Math.max(1, now_ms - start_ms));
    const left = bytes_total === null ? null : bytes_total - bytes_done;
    const eta_seconds = left === null || bytes_per_second === 0 ? null : Math.round(left / bytes_per_second);
    log.info(
      { backup_id, files_done, files_total, bytes_done, bytes_total, bytes_per_second, eta_seconds },
      'backup in progress',
    );
  };
}
