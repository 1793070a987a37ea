import type { MonitorStatus } from '@holdfast/contracts/http/monitor';
import type { IntegrityScanReport } from '@holdfast/contracts/http/scan';
import type { HttpServer } from '@holdfast/http/server';
import { type AllowDeps, allowDelete } from './allow-delete.ts';
import { listFiles } from './list-files.ts';
import { scanFiles } from './scan-files.ts';
import { showStatus } from './show-status.ts';

interface RouteDeps extends AllowDeps {
  scan(path?: string): Promise<IntegrityScanReport>;
  status(): MonitorStatus;
}

/** All routes under `/api/monitor`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  listFiles(app, deps);
  showStatus(app, deps);
  allowDelete(app, deps);
  scanFiles(app, deps);
}
