import type { ScheduleView } from '@holdfast/contracts/http/backup';
import type { FakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { type Booted, type BootOptions, type Place, place } from './booted.ts';
import { memoryRepository } from './memory-repository.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** A Wednesday. */
export const START = Date.parse('2026-07-15T00:30:00.000Z');
export const schedule = {
  hourly: { type: 'incremental' },
  daily: { type: 'full', time: '02:00' },
  weekly: { type: 'full', day: 'sunday' },
  before_deployment: { type: 'snapshot' },
} as const;
export type Yaml = NonNullable<BootOptions['yaml']>;

export function options(at: Place, clock: FakeClock, yaml: Yaml = { schedule }): BootOptions {
  return {
    repository: memoryRepository(),
    sources: {
      conversations: { root: at.root, paths: ['*.json'], backup_frequency: 'hourly' },
      logs: { root: at.root, paths: ['logs/'], backup_frequency: 'weekly' },
    },
    yaml: { time_zone: 'UTC', ...yaml },
    overrides: { clock },
  };
}

export function filled(): Place {
  const at = place();
  at.write('a.json', '{"a":1}');
  at.write('logs/today.log', 'hello');
  return at;
}

/** Every backup that was made but the first ones: `time source type`. */
export async function made(backup: Booted): Promise<string[]> {
  const told = await backup.told('BackupCreated');
  return told
    .map(({ data }) => data.manifest)
    .filter(({ reason }) => reason !== 'first')
    .map(({ timestamp, sources, backup_type, reason }) =>
      [timestamp.slice(0, 16), sources[0]?.source, backup_type, reason].join(' '),
    )
    .sort();
}

/** Moves the clock, and lets what falls due be done, step by step. */
export async function live(
  clock: FakeClock,
  backup: Booted,
  { ms, step_ms = HOUR }: { ms: number; step_ms?: number },
) {
  for (let gone = 0; gone < ms; gone += step_ms) {
    clock.advance(step_ms);
    await settled(backup);
  }
}

export const schedulesOf = async (backup: Booted) =>
  (await backup.call<{ items: ScheduleView[] }>('GET', '/api/backup/schedules')).body.items;

/** Nothing is due any more, and nothing is under way. */
export async function settled(backup: Booted): Promise<void> {
  await eventually(async () => {
    const now_ms = backup.context.clock.now_ms();
    const due = (await schedulesOf(backup)).some(
      ({ next_at }) => next_at !== null && Date.parse(next_at) <= now_ms,
    );
    const told = await Promise.all([backup.told('BackupRequested'), backup.told('BackupCreated')]);
    const [asked = [], done = []] = told.map((events) => events.map(({ subject }) => subject));
    return !due && asked.every((id) => done.includes(id));
  });
}
