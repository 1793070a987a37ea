import { HoldfastError } from '@holdfast/contracts/errors';
import { BackupRunView } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { runView } from '../domain/backup-run/view.ts';
import type { RouteDeps } from './deps.ts';

/** `POST /api/backup/:id/cancel`: stops a backup that waits or is being made; `conflict` for one that is over. */
export function cancelBackup(app: HttpServer, { state, runner }: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Stop a backup that is being made',
    params: z.object({ id: z.string() }),
    response: { 200: BackupRunView },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/backup/:id/cancel', route, async ({ params: { id }, caller }) => {
    if (state.catalog.get(id) !== undefined) throw new HoldfastError('conflict', `${id} is made already`);
    const over = await runner.cancel(id, actorOf(caller));
    if (over.status !== 'cancelled') throw new HoldfastError('conflict', `${id} was ${over.status} before`);
    return runView(over, null);
  });
}
