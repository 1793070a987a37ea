import { RecoveryReport } from '@holdfast/contracts/http/recovery';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { requireRecovery } from '../request-recovery.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/recovery/reports/:id`: the report of a recovery, to be kept. */
export function showReport(app: HttpServer, deps: Pick<RouteDeps, 'store'>): void {
  const schema = {
    tags: ['recovery'],
    summary: 'The report of one recovery',
    params: z.object({ id: z.string() }),
    response: { 200: RecoveryReport },
  };
  const route = { config: { role: 'viewer' as const }, schema };
  app.get('/api/recovery/reports/:id', route, async ({ params }, reply) => {
    const report = requireRecovery(deps, params.id);
    reply.header('content-disposition', `inline; filename="recovery_report_${report.recovery_id}.json"`);
    return report;
  });
}
