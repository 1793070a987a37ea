import { ScanBody } from '@holdfast/contracts/http/monitor';
import { IntegrityScanReport } from '@holdfast/contracts/http/scan';
import type { HttpServer } from '@holdfast/http/server';

/** `POST /api/monitor/scan`: reads everything again and compares; `scan` of the CLI comes by recovery's question. */
export function scanFiles(
  app: HttpServer,
  { scan }: { scan: (path?: string) => Promise<IntegrityScanReport> },
): void {
  const schema = {
    tags: ['monitor'],
    summary: 'Compare every file with what is known of it',
    body: ScanBody,
    response: { 200: IntegrityScanReport },
  };
  app.post('/api/monitor/scan', { config: { role: 'backup_operator' }, schema }, (request) =>
    scan(request.body.path),
  );
}
