import { VerifyBody, VerifyResult } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import { PROGRESS_NOTE, replyWithProgress } from '@holdfast/http/progress-reply';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { proveBackup } from '../adapters/verification/prove-backup.ts';
import { tellVerified } from '../adapters/verification/tell-verified.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';

/** `POST /api/backup/:id/verify`: proves a backup. Damage is an answer (`passed: false`), told as an event too. */
export function verifyBackup(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Prove that a backup can be read back',
    description: PROGRESS_NOTE,
    params: z.object({ id: z.string() }),
    body: VerifyBody.nullish(),
    response: { 200: VerifyResult },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/backup/:id/verify', route, (request, reply) =>
    replyWithProgress({ request, reply, ...deps.context }, async (asked) => {
      const { params, body, caller } = request;
      const manifest = requireManifest(deps, params.id);
      const result = await answered(proveBackup(deps, manifest, body?.level ?? 'data', asked), asked.signal);
      tellVerified(deps, result, actorOf(caller));
      return result;
    }),
  );
}
