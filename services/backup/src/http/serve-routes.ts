import type { HttpServer } from '@holdfast/http/server';
import { cancelBackup } from './cancel-backup.ts';
import { cleanUp } from './clean-up.ts';
import { createBackup } from './create-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import type { RouteDeps } from './deps.ts';
import { diffBackups } from './diff-backups.ts';
import { holdBackup } from './hold-backup.ts';
import { listBackupFiles } from './list-backup-files.ts';
import { listBackups } from './list-backups.ts';
import { listQuarantine } from './list-quarantine.ts';
import { listSchedules } from './list-schedules.ts';
import { moveBackups } from './move-backups.ts';
import { releaseBackup } from './release-backup.ts';
import { releaseQuarantine } from './release-quarantine.ts';
import { restoreDatabaseRoute } from './restore-database.ts';
import { restoreFiles } from './restore-files.ts';
import { setSchedule } from './set-schedule.ts';
import { showBackup } from './show-backup.ts';
import { showHealth } from './show-health.ts';
import { showMetrics } from './show-metrics.ts';
import { showStorage } from './show-storage.ts';
import { verifyBackup } from './verify-backup.ts';

/** All routes under `/api/backup`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  showHealth(app, deps);
  showStorage(app, deps);
  showMetrics(app, deps);
  listBackups(app, deps);
  listSchedules(app, deps);
  setSchedule(app, deps);
  listQuarantine(app, deps);
  releaseQuarantine(app, deps);
  showBackup(app, deps);
  listBackupFiles(app, deps);
  diffBackups(app, deps);
  createBackup(app, deps);
  cancelBackup(app, deps);
  verifyBackup(app, deps);
  restoreFiles(app, deps);
  restoreDatabaseRoute(app, deps);
  cleanUp(app, deps);
  moveBackups(app, deps);
  deleteBackup(app, deps);
  holdBackup(app, deps);
  releaseBackup(app, deps);
}
