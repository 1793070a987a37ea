import type { ScheduleView } from '@holdfast/contracts/http/backup';
import { timestamp } from '@holdfast/runtime/clock';
import { cronOf, typeOf } from '../domain/schedule/define.ts';
import type { Schedule } from '../domain/schedule/state.ts';
import type { RouteDeps } from './deps.ts';

/** A schedule as it goes over the wire. */
export function scheduleView(deps: RouteDeps, schedule: Schedule): ScheduleView {
  const { state, settings, scheduler } = deps;
  const { name, config, origin, version, modified_ms, last_slot_ms } = schedule;
  const sources = scheduler.sourcesOf(schedule).map((source) => source.name);
  const overdue = (source: string) => (state.schedules.obligation(name, source)?.overdue_ms ?? null) !== null;
  const next_ms = scheduler.next(schedule);
  return {
    name,
    config,
    enabled: config.enabled,
    type: typeOf(schedule),
    cron: cronOf(schedule),
    time_zone: config.time_zone ?? settings.time_zone,
    jitter: config.jitter ?? 0,
    sources,
    origin,
    version,
    modified_at: timestamp(modified_ms),
    last_slot_at: last_slot_ms === modified_ms ? null : timestamp(last_slot_ms),
    next_at: next_ms === null ? null : timestamp(next_ms),
    overdue_sources: sources.filter(overdue),
  };
}
