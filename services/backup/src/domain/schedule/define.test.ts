import { type ScheduleConfig, SchedulesConfig, scheduleProblem } from '@holdfast/contracts/schedule';
import { describe, expect, test } from '@jest/globals';
import { covers, cronOf, standsIn, typeOf } from './define.ts';

const named = (name: string, config: Partial<ScheduleConfig> = {}) => ({
  name,
  config: { enabled: true, ...config },
});
const plan = (source: string, frequency: 'on_change' | 'hourly' | 'daily' | 'weekly') => ({
  source,
  frequency,
  on_change: false,
});

describe('when a schedule starts', () => {
  test.each([
    [named('hourly'), '0 * * * *'],
    [named('hourly', { minute: 15 }), '15 * * * *'],
    [named('daily', { time: '02:00' }), '0 2 * * *'],
    [named('weekly', { day: 'sunday' }), '0 0 * * 0'],
    [named('weekly', { day: 'monday', time: '23:59' }), '59 23 * * 1'],
    [named('monthly'), '0 0 1 * *'],
    [named('monthly', { day: 'last', time: '03:30' }), '30 3 L * *'],
    [named('nightly', { every: 'daily', time: '01:00' }), '0 1 * * *'],
    [named('office', { cron: '*/30 8-18 * * 1-5' }), '*/30 8-18 * * 1-5'],
    [named('before_deployment'), null],
  ])('%j: %s', (schedule, cron) => {
    expect(cronOf(schedule)).toBe(cron);
  });
});

describe('what a schedule backs up', () => {
  test('the sources that want it at least as often; those on change by the daily one', () => {
    const sources = [
      plan('conversations', 'hourly'),
      plan('credentials', 'on_change'),
      plan('configuration', 'daily'),
      plan('logs', 'weekly'),
    ];
    const of = (name: string) =>
      sources.filter((source) => covers(named(name), source)).map(({ source }) => source);
    expect(of('hourly')).toEqual(['conversations']);
    expect(of('daily')).toEqual(['conversations', 'credentials', 'configuration']);
    expect(of('weekly')).toEqual(['conversations', 'credentials', 'configuration', 'logs']);
    expect(of('before_deployment')).toHaveLength(4);
  });

  test('or those that it names', () => {
    const hourly = named('hourly', { sources: ['logs'] });
    expect(covers(hourly, plan('logs', 'weekly'))).toBe(true);
    expect(covers(hourly, plan('conversations', 'hourly'))).toBe(false);
  });

  test('it stands in for the walks of its own frequency, where it is enabled', () => {
    expect(standsIn(named('daily'), plan('a', 'daily'))).toBe(true);
    expect(standsIn(named('weekly'), plan('a', 'daily'))).toBe(false);
    expect(standsIn(named('daily', { enabled: false }), plan('a', 'daily'))).toBe(false);
  });

  test('incremental, and before a deployment a snapshot, unless it says otherwise', () => {
    expect(
      [named('hourly'), named('before_deployment'), named('daily', { type: 'full' })].map(typeOf),
    ).toEqual([...['incremental', 'snapshot', 'full']]);
  });
});

describe('what is no schedule', () => {
  test.each([
    ['nightly', {}, /write cron, or every/],
    ['daily', { day: 'sunday' }, /has no day/],
    ['weekly', { day: 3 }, /write sunday/],
    ['monthly', { day: 'sunday' }, /write 1 to 28/],
    ['hourly', { time: '02:00' }, /minute/],
    ['daily', { minute: 3 }, /write time/],
    ['x', { cron: '0 0 * * *', time: '02:00' }, /leave out/],
    ['before_deployment', { time: '02:00' }, /has no time/],
  ] as const)('%s %j', (name, config, problem) => {
    expect(scheduleProblem(name, { enabled: true, ...config })).toMatch(problem);
  });

  test.each([
    [{ x: { cron: '61 * * * *' } }, /61/],
    [{ x: { cron: '0 0 30 2 *' } }, /never comes/],
    [{ daily: { time: '25:00' } }, /02:00/],
    [{ daily: { time_zone: 'Mars/Olympus' } }, /Montevideo/],
    [{ nightly: {} }, /write cron/],
  ])('%j', (schedules, problem) => {
    expect(SchedulesConfig.safeParse(schedules).error?.message).toMatch(problem);
  });
});
