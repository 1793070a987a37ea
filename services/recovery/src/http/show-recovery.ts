import { RecoveryReport } from '@holdfast/contracts/http/recovery';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { requireRecovery } from '../request-recovery.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/recovery/:id`: how a recovery stands. */
export function showRecovery(app: HttpServer, deps: Pick<RouteDeps, 'store'>): void {
  const schema = {
    tags: ['recovery'],
    summary: 'One recovery and its files',
    params: z.object({ id: z.string() }),
    response: { 200: RecoveryReport },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.get('/api/recovery/:id', route, async ({ params }) => requireRecovery(deps, params.id));
}
