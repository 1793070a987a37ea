import { HoldfastError } from '@holdfast/contracts/errors';
import { BackupHold, HoldBody } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import { z } from 'zod';
import type { Hold } from '../domain/retention/state.ts';
import { type RouteDeps, requireManifest } from './deps.ts';
import { holdView } from './hold-view.ts';

/** `POST /api/backup/:id/hold`: it stays until then, whoever wants it gone; a second hold replaces the first. */
export function holdBackup(app: HttpServer, deps: RouteDeps): void {
  const { state, context } = deps;
  const schema = {
    tags: ['backup'],
    summary: 'Keep a backup, whatever rotation says',
    params: z.object({ id: z.string() }),
    body: HoldBody,
    response: { 200: BackupHold },
  };
  app.post('/api/backup/:id/hold', { config: { role: 'admin' }, schema }, async (request) => {
    const { backup_id } = requireManifest(deps, request.params.id);
    const { reason, until: until_ms = null } = request.body;
    if (until_ms !== null && until_ms <= context.clock.now_ms()) {
      throw new HoldfastError('bad_request', 'body.until: is over already');
    }
    const data = { backup_id, reason, until: until_ms === null ? null : timestamp(until_ms) };
    const actor = actorOf(request.caller);
    state.write(() => state.tell('BackupHeld', { subject: backup_id, data, actor }));
    return holdView(state.catalog.hold(backup_id) as Hold);
  });
}
