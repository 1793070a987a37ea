import type { ScheduleConfig } from '@holdfast/contracts/schedule';
import type { Schedule } from '../../domain/schedule/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import type { BackupState } from '../state.ts';

/** A change of a schedule, and whose it is. */
export interface ScheduleChange {
  readonly name: string;
  /** Null: it is gone. */
  readonly config: ScheduleConfig | null;
  readonly origin: Schedule['origin'];
  readonly actor: string;
}

/** Inside `write`: changes a schedule and tells of it. What was due before the change is not made up. */
export function modifySchedule(state: BackupState, { name, config, origin, actor }: ScheduleChange): void {
  const previous = state.schedules.get(name)?.config ?? null;
  const data = { name, schedule: config, previous, origin };
  const aggregateversion = state.schedules.version(name) + 1;
  state.tell('ScheduleModified', { subject: name, data, actor, aggregateversion });
}

/**
 * At start: takes in what the configuration file says of schedules since it was last read. An edit of the file is the
 * newest word, also on a schedule that was changed over HTTP; a file that says what it said before leaves that alone.
 */
export function takeInConfigured(deps: SnapshotDeps): void {
  const { state, context } = deps;
  const { schedules } = state;
  const wanted = context.config.schedule ?? {};
  for (const [name, { sources = [] }] of Object.entries(wanted)) warnOfUnknown(deps, name, sources);
  const gone = schedules
    .list()
    .filter(({ name, origin }) => origin === 'config' && !Object.hasOwn(wanted, name));
  state.write(() => {
    for (const [name, config] of Object.entries(wanted)) {
      if (same(schedules.configured(name), config)) continue;
      if (!same(schedules.get(name)?.config ?? null, config)) {
        modifySchedule(state, { name, config, origin: 'config', actor: 'holdfast' });
      }
      schedules.setConfigured(name, config);
    }
    for (const { name } of gone) {
      modifySchedule(state, { name, config: null, origin: 'config', actor: 'holdfast' });
      schedules.setConfigured(name, null);
    }
  });
}

function warnOfUnknown(
  { settings, context }: SnapshotDeps,
  schedule: string,
  named: readonly string[],
): void {
  const known = settings.sources.map(({ name }) => name);
  const unknown = named.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    context.log.warn({ schedule, unknown }, 'a schedule names sources that are not there');
}

function same(one: ScheduleConfig | null, other: ScheduleConfig | null): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(config: ScheduleConfig | null): unknown {
  return config && Object.entries(config).sort(([name], [other]) => (name < other ? -1 : 1));
}
