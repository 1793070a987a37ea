import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/contracts/errors';
import { ScanBody } from '@holdfast/contracts/http/recovery';
import { IntegrityScanReport, ScanProgress } from '@holdfast/contracts/http/scan';
import { rpcSubject } from '@holdfast/contracts/subjects';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { RouteDeps } from './deps.ts';

/** The monitor answers at once how a scan goes. */
const ASK_TIMEOUT_MS = 30_000;
const ASK_AGAIN_MS = 100;
const ASK_AGAIN_MAX_MS = 2_000;

/**
 * `POST /api/recovery/scan`: the monitor compares what is there with what should be; losses it finds are recovered. 200 and
 * the report; with `wait: false` 202 and where to ask. `GET /api/recovery/scans/:id`: how far it is, and the report.
 */
export function scanFiles(app: HttpServer, { context }: Pick<RouteDeps, 'context'>): void {
  const ask = async (question: object) =>
    ScanProgress.parse(
      await context.events.ask(rpcSubject('monitor', 'scan', context.host), question, ASK_TIMEOUT_MS),
    );
  const schema = {
    tags: ['recovery'],
    summary: 'Look for missing and corrupted files now',
    body: ScanBody,
    response: { 200: IntegrityScanReport, 202: ScanProgress },
  };
  app.post(
    '/api/recovery/scan',
    { config: { role: 'backup_operator' as const }, schema },
    async (request, reply) => {
      const { wait, path } = request.body;
      const begun = await ask({ wait: false, ...(path !== undefined && { path }) });
      if (wait) return reportOf(begun, ask);
      return reply.code(202).header('location', `/api/recovery/scans/${begun.scan_id}`).send(begun);
    },
  );
  showScan(app, ask);
}

type Ask = (question: object) => Promise<ScanProgress>;

function showScan(app: HttpServer, ask: Ask) {
  const schema = {
    tags: ['recovery'],
    summary: 'How a scan goes, and its report',
    params: z.object({ id: z.string() }),
    response: { 200: ScanProgress },
  };
  app.get('/api/recovery/scans/:id', { config: { role: 'viewer' as const }, schema }, ({ params }) =>
    ask({ scan_id: params.id }),
  );
}

async function reportOf(begun: ScanProgress, ask: Ask): Promise<IntegrityScanReport> {
  let progress = begun;
  let wait_ms = ASK_AGAIN_MS;
  while (progress.state === 'running') {
    await pause(wait_ms);
    wait_ms = Math.min(ASK_AGAIN_MAX_MS, wait_ms * 1.5);
    progress = await ask({ scan_id: begun.scan_id });
  }
  if (progress.report === null) throw new HoldfastError('internal', 'a scan ended without a report');
  return progress.report;
}
