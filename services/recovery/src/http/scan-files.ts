import { ScanBody, ScanReport } from '@holdfast/contracts/http/recovery';
import { rpcSubject } from '@holdfast/contracts/subjects';
import type { HttpServer } from '@holdfast/http/server';
import type { RouteDeps } from './deps.ts';

// A walk over a million files and the reading of those that look changed.
const SCAN_TIMEOUT_MS = 120_000;

/** `POST /api/recovery/scan`: the monitor compares what is there with what should be; losses it finds are recovered. */
export function scanFiles(app: HttpServer, { context }: Pick<RouteDeps, 'context'>): void {
  const schema = {
    tags: ['recovery'],
    summary: 'Look for missing and corrupted files now',
    body: ScanBody,
    response: { 200: ScanReport },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/recovery/scan', route, async ({ body }) =>
    ScanReport.parse(
      await context.events.ask(rpcSubject('monitor', 'scan', context.host), body, SCAN_TIMEOUT_MS),
    ),
  );
}
