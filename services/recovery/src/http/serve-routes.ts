import type { HttpServer } from '@holdfast/http/server';
import type { RouteDeps } from './deps.ts';
import { getDownload } from './get-download.ts';
import { getHistory } from './get-history.ts';
import { getRecovery } from './get-recovery.ts';
import { getReport } from './get-report.ts';
import { postRecover } from './post-recover.ts';
import { postScan } from './post-scan.ts';

/** All routes under `/api/recovery`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  postScan(app, deps);
  postRecover(app, deps);
  getHistory(app, deps);
  getDownload(app, deps);
  getReport(app, deps);
  getRecovery(app, deps);
}
