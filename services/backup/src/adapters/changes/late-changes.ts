import { timestamp } from '@holdfast/runtime/clock';
import type { ProtectedSource } from '../../config.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';

/** An edit is promised to be in a backup within a second; a short walk or hook may be in the way. */
const LATE_MS = 10_000;
const LOOK_EVERY_MS = 5_000;
const PROMISED_MS = 1_000;
/** Stands among the obligations of schedules; none of those can be called so. */
const OBLIGATION = '@on_change';

/**
 * Tells, as BackupOverdue of the schedule `on_change` (an alert), where the oldest change of a source that is backed up on
 * change waits for over 10 s, and with `cleared_at` when it waits no more. Once for each time; also over restarts.
 */
export function watchLateChanges(deps: SnapshotDeps): Disposable {
  const { settings, context } = deps;
  const { clock, log } = context;
  const sources = settings.sources.filter(({ plan }) => plan.on_change);
  let cancel: () => void = () => undefined;
  const look = () => {
    try {
      for (const source of sources) check(deps, source);
    } catch (error) {
      // The disk is full, most likely: what is late stays so, and is told then.
      log.error({ err: error }, 'late changes could not be told; will retry');
    }
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  // What changed while nobody was here is given so long too.
  if (sources.length > 0) cancel = clock.after(LATE_MS, look);
  return { [Symbol.dispose]: () => cancel() };
}

function check({ state, context }: SnapshotDeps, { name }: ProtectedSource): void {
  const now_ms = context.clock.now_ms();
  const oldest_ms = state.changes.oldest(name);
  const known = state.schedules.obligation(OBLIGATION, name);
  const told_ms = known?.overdue_ms ?? null;
  // Before its first backup a source has nothing that a change could be late for.
  const is_late = oldest_ms !== null && now_ms - oldest_ms > LATE_MS && state.walks.last(name) !== null;
  if (is_late === (told_ms !== null)) return;
  const since_ms = is_late ? oldest_ms : (known?.done_ms ?? now_ms);
  const newest = state.catalog.newest(name);
  const data = {
    backup_id: newest?.backup_id ?? null,
    source: name,
    schedule: 'on_change',
    last_backup_at: newest?.timestamp ?? null,
    expected_at: timestamp(since_ms + PROMISED_MS),
    interval_ms: PROMISED_MS,
    ...(!is_late && { cleared_at: timestamp(now_ms) }),
  };
  state.write(() => {
    state.schedules.done(OBLIGATION, name, since_ms);
    state.schedules.setOverdue(OBLIGATION, name, is_late ? now_ms : null);
    state.tell('BackupOverdue', { subject: name, data });
  });
  const changes = state.changes.count(name);
  if (is_late) context.log.warn({ source: name, changes }, 'changes wait too long for their backup');
}
