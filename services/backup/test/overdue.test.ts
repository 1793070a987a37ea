import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { boot } from './support/booted.ts';
import type { memoryRepository } from './support/memory-repository.ts';
import {
  filled,
  HOUR,
  live,
  made,
  options,
  START,
  schedule,
  settled,
  type Yaml,
} from './support/scheduled.ts';

test('a backup that is late by twice its interval is overdue, once, until it is made', async () => {
  using at = filled();
  const clock = fakeClock(START);
  const given = options(at, clock, { schedule: { hourly: schedule.hourly } });
  const repository = given.repository as ReturnType<typeof memoryRepository>;
  await using backup = await boot(at, given);
  await backup.created(2);
  repository.onBackup = () => {
    throw Object.assign(new Error('no'), { code: 'storage_failed' });
  };
  const overdue = () => backup.told('BackupOverdue');
  for (let minute = 0; minute < 60; minute++) clock.advance(60_000);
  expect(await overdue()).toEqual([]);
  await eventually(async () => {
    clock.advance(60_000);
    return (await overdue()).length > 0;
  });
  for (let minute = 0; minute < 60; minute++) clock.advance(60_000);
  repository.onBackup = () => undefined;
  const events = await eventually(async () => {
    clock.advance(60_000);
    const told = await overdue();
    return told.length > 1 && told;
  });
  expect(events.map(({ data }) => [data.source, data.schedule, data.cleared_at !== undefined])).toEqual([
    ['conversations', 'hourly', false],
    ['conversations', 'hourly', true],
  ]);
  expect(events[0]?.data).toMatchObject({ expected_at: '2026-07-15T01:00:00.000Z', interval_ms: HOUR });

  // It is over: the next one tells nothing more, and a second lateness is told anew.
  await live(clock, backup, { ms: HOUR });
  expect(await overdue()).toHaveLength(2);
  repository.onBackup = () => {
    throw Object.assign(new Error('no'), { code: 'storage_failed' });
  };
  for (let minute = 0; minute < 121; minute++) clock.advance(60_000);
  await eventually(async () => {
    clock.advance(60_000);
    return (await overdue()).length === 3;
  });
});

test('a schedule is overdue though another backs the source up: a full backup is what it owes', async () => {
  using at = filled();
  const clock = fakeClock(START);
  const { hourly, daily } = schedule;
  const given = options(at, clock, { schedule: { hourly, daily } });
  const repository = given.repository as ReturnType<typeof memoryRepository>;
  await using backup = await boot(at, given);
  await backup.created(2);
  repository.onBackup = ({ full }) => {
    if (full) throw Object.assign(new Error('no'), { code: 'storage_failed' });
  };
  for (let hours = 1; hours <= 50; hours++) {
    clock.advance(HOUR);
    await eventually(async () => (await made(backup)).length >= hours);
  }
  const told = await eventually(async () => {
    clock.advance(60_000);
    const events = await backup.told('BackupOverdue');
    return events.length > 0 && events;
  });
  expect(told.map(({ data }) => [data.source, data.schedule])).toEqual([['conversations', 'daily']]);
});

test('two backup services of one host: one run a slot', async () => {
  using here = filled();
  using there = filled();
  const clock = fakeClock(START);
  const events = createMemoryStore();
  const yaml: Yaml = { schedule: { hourly: schedule.hourly } };
  const given = { ...options(here, clock, yaml), events };
  await using one = await boot(here, given);
  await one.created(2);
  await using other = await boot(there, given);
  for (let hour = 0; hour < 6; hour++) {
    clock.advance(HOUR);
    await settled(one);
    await settled(other);
  }
  const hours = (await made(one)).map((line) => line.slice(11, 16));
  expect(hours).toEqual(['01:30', '02:30', '03:30', '04:30', '05:30', '06:30']);
  expect(await one.told('BackupOverdue')).toEqual([]);
});
