import { CleanupBody, type CleanupItem, CleanupResult } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import type { Verdict } from '../domain/retention/state.ts';
import { answered, type RouteDeps } from './deps.ts';
import { jsonText, sendJson } from './json-text.ts';

/** `POST /api/backup/cleanup`: removes what rotation does not keep; says of every backup why it stays or goes. */
export function cleanUp(app: HttpServer, { cleaner }: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Remove old backups, or say which would go',
    body: CleanupBody.nullish(),
    response: { 200: CleanupResult },
  };
  app.post('/api/backup/cleanup', { config: { role: 'admin' }, schema }, async ({ body, caller }, reply) => {
    const dry_run = body?.dry_run ?? false;
    const verdicts = await answered(cleaner.cleanUp({ dry_run, actor: actorOf(caller) }));
    return sendJson(reply, await cleanupText(dry_run, verdicts));
  });
}

/** The reply, as JSON. */
export function cleanupText(dry_run: boolean, verdicts: readonly Verdict[]): Promise<string> {
  const kept = verdicts.filter(({ stays }) => stays).length;
  const head: Omit<CleanupResult, 'items'> = { dry_run, kept, removed: verdicts.length - kept };
  return jsonText(head, verdicts, itemOf);
}

function itemOf({ backup, stays, reasons }: Verdict): CleanupItem {
  const { backup_id, source, backup_type, time_ms } = backup;
  return { backup_id, source, backup_type, timestamp: timestamp(time_ms), stays, reasons: [...reasons] };
}
