import { ScheduleView } from '@holdfast/contracts/http/backup';
import { pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import type { RouteDeps } from './deps.ts';
import { scheduleView } from './schedule-view.ts';

/** `GET /api/backup/schedules`: all of them; there are never many. */
export function listSchedules(app: HttpServer, deps: RouteDeps): void {
  const schema = { tags: ['backup'], summary: 'The schedules', response: { 200: pageOf(ScheduleView) } };
  app.get('/api/backup/schedules', { config: { role: 'viewer' }, schema }, async () => ({
    items: deps.state.schedules.list().map((schedule) => scheduleView(deps, schedule)),
    next_cursor: null,
  }));
}
