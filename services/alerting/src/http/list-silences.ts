import { SilenceItem } from '@holdfast/contracts/http/alerting';
import { pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import type { Silences } from '../silences.ts';
import { silenceItem } from './silence-item.ts';

/** `GET /api/alerts/silences`: all that have not ended; there are never many. */
export function listSilences(app: HttpServer, { silences }: { silences: Silences }): void {
  const schema = {
    tags: ['alerts'],
    summary: 'The silences that have not ended',
    response: { 200: pageOf(SilenceItem) },
  };
  app.get('/api/alerts/silences', { config: { role: 'viewer' }, schema }, async () => ({
    items: silences.list().map(silenceItem),
    next_cursor: null,
  }));
}
