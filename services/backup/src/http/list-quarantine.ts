import { QuarantinedSource } from '@holdfast/contracts/http/backup';
import { pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import type { Quarantine } from '../adapters/retention/quarantine-table.ts';
import type { RouteDeps } from './deps.ts';

/** Backups from before that are looked at for a good one. */
const LOOKED_AT = 100;

/** `GET /api/backup/quarantine`: sources that look as if they were under attack, and the last backup of each from before. */
export function listQuarantine(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Sources of which nothing is cleaned up, since they look as if they were under attack',
    response: { 200: pageOf(QuarantinedSource) },
  };
  app.get('/api/backup/quarantine', { config: { role: 'viewer' }, schema }, async () => ({
    items: deps.state.quarantines.list().map((one) => view(deps, one)),
    next_cursor: null,
  }));
}

function view({ state }: RouteDeps, { detected_ms, ...alarm }: Quarantine): QuarantinedSource {
  const from = { time_ms: Date.parse(alarm.started_at), backup_id: '' };
  const good = state.retention.page(alarm.source, from, LOOKED_AT).find(({ is_bad }) => !is_bad);
  return { ...alarm, detected_at: timestamp(detected_ms), last_good_backup_id: good?.backup_id ?? null };
}
