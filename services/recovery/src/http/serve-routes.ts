import type { HttpServer } from '@holdfast/http/server';
import type { RouteDeps } from './deps.ts';
import { downloadFile } from './download-file.ts';
import { recoverFiles } from './recover-files.ts';
import { scanFiles } from './scan-files.ts';
import { showHistory } from './show-history.ts';
import { showRecovery } from './show-recovery.ts';
import { showReport } from './show-report.ts';

/** All routes under `/api/recovery`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  scanFiles(app, deps);
  recoverFiles(app, deps);
  showHistory(app, deps);
  downloadFile(app, deps);
  showReport(app, deps);
  showRecovery(app, deps);
}
