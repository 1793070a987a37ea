import type { HttpServer } from '@holdfast/http/server';
import type { RouteDeps } from './deps.ts';
import { getBackup } from './get-backup.ts';
import { getBackupFiles } from './get-backup-files.ts';
import { getBackups } from './get-backups.ts';
import { getHealth } from './get-health.ts';
import { getStorage } from './get-storage.ts';
import { postBackup } from './post-backup.ts';
import { postRestore } from './post-restore.ts';
import { postVerify } from './post-verify.ts';

/** All routes under `/api/backup`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  getHealth(app, deps);
  getStorage(app, deps);
  getBackups(app, deps);
  getBackup(app, deps);
  getBackupFiles(app, deps);
  postBackup(app, deps);
  postVerify(app, deps);
  postRestore(app, deps);
}
