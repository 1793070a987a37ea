import { timestamp } from '@holdfast/runtime/clock';
import type { ProtectedSource } from '../../config.ts';
import type { BackupRun } from '../../domain/backup-run/state.ts';
import { frequencySlots, latenessOf } from '../../domain/schedule/decide.ts';
import { covers, cronOf, standsIn, typeOf } from '../../domain/schedule/define.ts';
import type { Obligation, Schedule, Slots } from '../../domain/schedule/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { cronSlots } from './cron-slots.ts';

/** The times of a schedule; null where no clock starts it. */
export function slotsOf(schedule: Pick<Schedule, 'name' | 'config'>, time_zone: string): Slots | null {
  const cron = cronOf(schedule);
  return cron === null ? null : cronSlots(cron, schedule.config.time_zone ?? time_zone);
}

/** True where a schedule walks the source as often as its frequency asks for. */
export function isScheduled({ state }: Pick<SnapshotDeps, 'state'>, source: ProtectedSource): boolean {
  return state.schedules.list().some((schedule) => standsIn(schedule, source.plan));
}

/** Inside `write`: what each source is owed, by schedules and by its own frequency. */
function obligationsOf(deps: SnapshotDeps, source: ProtectedSource): Obligation[] {
  const { state, settings } = deps;
  const owed = (schedule: Schedule | null, slots: Slots, since_ms: number): Obligation => {
    const name = schedule?.name ?? null;
    const known = state.schedules.obligation(name, source.name);
    if (known === undefined) state.schedules.done(name, source.name, since_ms);
    const { done_ms, overdue_ms } = known ?? { done_ms: since_ms, overdue_ms: null };
    return { schedule: name, source: source.name, slots, done_ms, overdue_ms };
  };
  const scheduled = state.schedules.list().flatMap((schedule) => {
    const slots = slotsOf(schedule, settings.time_zone);
    if (slots === null || !schedule.config.enabled || !covers(schedule, source.plan)) return [];
    return [owed(schedule, slots, schedule.modified_ms)];
  });
  const walked_ms = state.walks.last(source.name);
  // A first backup that fails is told as a failure.
  if (walked_ms === null || isScheduled(deps, source)) return scheduled;
  return [...scheduled, owed(null, frequencySlots(source.plan.frequency), walked_ms)];
}

/** A machine that has slept finds everything late, and makes it up at once: so long a run that has begun is waited for. */
const GRACE_MS = 300_000;

function isBeingMade({ state, context }: SnapshotDeps, source: string): boolean {
  const since_ms = context.clock.now_ms() - GRACE_MS;
  const open = state.runs.open(source);
  return open.some(({ walk, error, requested_ms }) => walk && error === null && requested_ms > since_ms);
}

/** Tells of each source whose backup is late by twice its interval, once. */
export function checkOverdue(deps: SnapshotDeps): void {
  const { state, context, settings } = deps;
  const now_ms = context.clock.now_ms();
  state.write(() => {
    for (const source of settings.sources.filter(({ name }) => !isBeingMade(deps, name))) {
      for (const owed of obligationsOf(deps, source)) {
        if (owed.overdue_ms !== null || now_ms < (latenessOf(owed)?.overdue_ms ?? Infinity)) continue;
        state.schedules.setOverdue(owed.schedule, owed.source, now_ms);
        tellOverdue(deps, owed, null);
        const { schedule } = owed;
        context.log.warn({ source: source.name, schedule }, 'a backup is overdue');
      }
    }
  });
}

/**
 * Inside `write`: a walk of a source succeeded. It is what its frequency wanted, and what every schedule wanted that reads
 * the same: two that fall together are one backup.
 */
export function fulfil(deps: SnapshotDeps, run: BackupRun): void {
  const { state, settings, context } = deps;
  const source = settings.sources.find(({ name }) => name === run.source);
  if (source === undefined || !run.walk) return;
  const at_ms = run.started_ms ?? run.requested_ms;
  for (const owed of obligationsOf(deps, source)) {
    const schedule = owed.schedule === null ? undefined : state.schedules.get(owed.schedule);
    if (schedule !== undefined && typeOf(schedule) !== run.backup_type) continue;
    state.schedules.done(owed.schedule, owed.source, at_ms);
    if (owed.overdue_ms === null) continue;
    state.schedules.setOverdue(owed.schedule, owed.source, null);
    tellOverdue(deps, owed, context.clock.now_ms());
  }
}

function tellOverdue({ state }: SnapshotDeps, owed: Obligation, cleared_ms: number | null): void {
  const late = latenessOf(owed);
  const newest = state.catalog.newest(owed.source);
  const data = {
    backup_id: newest?.backup_id ?? null,
    source: owed.source,
    schedule: owed.schedule,
    last_backup_at: newest?.timestamp ?? null,
    expected_at: timestamp(late?.expected_ms ?? owed.done_ms),
    interval_ms: late?.interval_ms ?? 0,
    ...(cleared_ms !== null && { cleared_at: timestamp(cleared_ms) }),
  };
  state.tell('BackupOverdue', { subject: owed.source, data });
}
