import { VerifyBody, VerifyResult } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { proveBackup } from '../adapters/verification/prove-backup.ts';
import { tellVerified } from '../adapters/verification/tell-verified.ts';
import { type RouteDeps, requireManifest } from './deps.ts';

/** `POST /api/backup/:id/verify`: proves a backup. Damage is an answer (`passed: false`), told as an event too. */
export function verifyBackup(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Prove that a backup can be read back',
    params: z.object({ id: z.string() }),
    body: VerifyBody.nullish(),
    response: { 200: VerifyResult },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/backup/:id/verify', route, async ({ params, body, caller }) => {
    const manifest = requireManifest(deps, params.id);
    const result = await proveBackup(deps, manifest, body?.level ?? 'data');
    tellVerified(deps, result, actorOf(caller));
    return result;
  });
}
