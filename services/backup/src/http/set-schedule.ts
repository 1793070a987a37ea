import { HoldfastError } from '@holdfast/contracts/errors';
import { ScheduleView } from '@holdfast/contracts/http/backup';
import { ScheduleConfig, scheduleProblem } from '@holdfast/contracts/schedule';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { requireSources } from '../adapters/backup-run/require-sources.ts';
import { modifySchedule } from '../adapters/schedule/modify-schedules.ts';
import type { Schedule } from '../domain/schedule/state.ts';
import type { RouteDeps } from './deps.ts';
import { scheduleView } from './schedule-view.ts';

/** `PUT /api/backup/schedules/:name`: makes a schedule, or puts this one in its place; it holds until the file is edited. */
export function setSchedule(app: HttpServer, deps: RouteDeps): void {
  const { state, scheduler } = deps;
  const schema = {
    tags: ['backup'],
    summary: 'Make or change a schedule',
    params: z.object({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'may have letters, digits, - and _ only'),
    }),
    body: ScheduleConfig,
    response: { 200: ScheduleView },
  };
  const route = { config: { role: 'admin' as const }, schema };
  app.put('/api/backup/schedules/:name', route, async ({ params: { name }, body: config, caller }) => {
    refuse(deps, name, config);
    state.write(() => modifySchedule(state, { name, config, origin: 'api', actor: actorOf(caller) }));
    scheduler.wake();
    return scheduleView(deps, state.schedules.get(name) as Schedule);
  });
}

function refuse({ settings }: RouteDeps, name: string, config: ScheduleConfig): void {
  const problem = scheduleProblem(name, config);
  if (problem !== null) throw new HoldfastError('bad_request', `${name}: ${problem}`);
  requireSources(settings, config.sources);
}
