import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { ScheduleView } from '@holdfast/contracts/http/backup';
import { commandSubject } from '@holdfast/contracts/subjects';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { type Booted, boot, facts, HOST } from './support/booted.ts';
import type { memoryRepository } from './support/memory-repository.ts';
import {
  DAY,
  filled,
  HOUR,
  live,
  made,
  options,
  START,
  schedule,
  schedulesOf,
  settled,
  type Yaml,
} from './support/scheduled.ts';

describe('schedules', () => {
  test('run at their times, for the sources that want them', async () => {
    using at = filled();
    const clock = fakeClock(START);
    await using backup = await boot(at, options(at, clock));
    await backup.created(2);
    await live(clock, backup, { ms: 3 * HOUR });
    expect(await made(backup)).toEqual([
      '2026-07-15T01:30 conversations incremental schedule',
      '2026-07-15T02:30 conversations full schedule',
      '2026-07-15T02:30 conversations incremental schedule',
      '2026-07-15T03:30 conversations incremental schedule',
    ]);
    await live(clock, backup, { ms: 5 * DAY, step_ms: DAY });
    const logs = (await made(backup)).filter((line) => line.includes('logs'));
    expect(logs).toEqual(['2026-07-19T03:30 logs full schedule']);
  });

  test('start on the minute when the clock comes to it', async () => {
    using at = filled();
    const clock = fakeClock(START);
    await using backup = await boot(at, options(at, clock, { schedule: { hourly: schedule.hourly } }));
    await backup.created(2);
    clock.advance(15_000);
    await settled(backup);
    clock.advance(30 * 60_000 - 15_000 - 1);
    await settled(backup);
    expect(await made(backup)).toEqual([]);
    clock.advance(1);
    await eventually(async () => (await made(backup)).length === 1);
  });

  test('that were missed while nobody was here are made up once', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const events = createMemoryStore();
    const given = { ...options(at, clock), events };
    {
      await using first = await boot(at, given);
      await first.created(2);
    }
    clock.advance(3 * DAY);
    await using again = await boot(at, given);
    // The monitor finds losses first.
    await eventually(async () => (await schedulesOf(again)).length === 4);
    expect(await made(again)).toEqual([]);
    clock.advance(10_000);
    await settled(again);
    expect(await made(again)).toEqual([
      '2026-07-18T00:30 conversations full schedule',
      '2026-07-18T00:30 conversations incremental schedule',
    ]);
  });

  test('that were run while the clock was a year ahead do not keep the next ones waiting for a year', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const given = {
      ...options(at, clock, { schedule: { hourly: schedule.hourly } }),
      events: createMemoryStore(),
    };
    {
      await using first = await boot(at, given);
      await first.created(2);
      await live(clock, first, { ms: 365 * DAY, step_ms: 365 * DAY });
    }
    clock.advance(-365 * DAY);
    await using again = await boot(at, given);
    const before = (await made(again)).length;
    clock.advance(10_000);
    await eventually(
      async () => Date.parse((await schedulesOf(again))[0]?.last_slot_at ?? '') <= clock.now_ms(),
    );
    await live(clock, again, { ms: HOUR });
    expect((await made(again)).length).toBe(before + 1);
  });

  test('never run twice at once: slots that come while their like is under way are made up once, after it', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const given = options(at, clock, { schedule: { hourly: schedule.hourly } });
    await using backup = await boot(at, given);
    await backup.created(2);
    const repository = given.repository as ReturnType<typeof memoryRepository>;
    const [begun, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    repository.onBackup = () => {
      begun.resolve();
      return free.promise;
    };
    clock.advance(HOUR);
    await begun.promise;
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(HOUR);
      await eventually(async () => {
        const [hourly] = await schedulesOf(backup);
        return Date.parse(hourly?.last_slot_at ?? '') > clock.now_ms() - HOUR;
      });
    }
    expect(await backup.told('BackupRequested')).toHaveLength(1);
    free.resolve();
    await eventually(async () => (await made(backup)).length === 2);
    clock.advance(HOUR / 2 - 1);
    await settled(backup);
    expect(await made(backup)).toHaveLength(2);
  });

  test('while walks keep each other waiting, a change is still backed up at once', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const given = options(at, clock, { schedule: { daily: { type: 'full', time: '02:00' } } });
    for (const name of ['one', 'two']) at.write(`${name}/x`, 'x');
    const daily = { backup_frequency: 'daily' as const };
    const path = at.write('c.json', '{}');
    await using backup = await boot(at, {
      ...given,
      sources: {
        one: { root: at.root, paths: ['one/'], priority: 'critical', ...daily },
        two: { root: at.root, paths: ['two/'], priority: 'critical', ...daily },
        kb: { root: at.root, paths: ['*.json'], priority: 'critical', ...daily },
      },
    });
    await backup.created(3);
    clock.advance(10_000);
    await settled(backup);
    const repository = given.repository as ReturnType<typeof memoryRepository>;
    const free = Promise.withResolvers<void>();
    repository.onBackup = ({ full }) => (full ? free.promise : undefined);
    clock.advance(2 * HOUR);
    await eventually(() => repository.requests.filter(({ full }) => full).length === 5);
    at.write('c.json', '{"c":1}');
    await backup.tell('FileModified', facts(path, 'kb'), path);
    await eventually(async () =>
      (await made(backup)).some((line) => line.includes('kb incremental on_change')),
    );
    free.resolve();
    await settled(backup);
    expect((await made(backup)).filter((line) => line.includes('full'))).toHaveLength(3);
  });
});

describe('before a deployment', () => {
  test('whoever deploys asks for a snapshot of all sources', async () => {
    using at = filled();
    const clock = fakeClock(START);
    await using backup = await boot(at, options(at, clock));
    await backup.created(2);
    const body = { reason: 'before_deployment', wait: true };
    const reply = await backup.call<{ items: BackupManifest[] }>('POST', '/api/backup', body);
    expect(reply.body.items).toMatchObject([
      { backup_type: 'snapshot', reason: 'before_deployment', sources: [{ source: 'conversations' }] },
      { backup_type: 'snapshot', reason: 'before_deployment', sources: [{ source: 'logs' }] },
    ]);
  });

  test('a command does it too, once, under the name that its sender gave it', async () => {
    using at = filled();
    const store = createMemoryStore();
    // Every command is delivered twice: its acknowledgement was lost.
    const obey: typeof store.obey = (wanted, handler) =>
      store.obey(wanted, async (command) => {
        await handler(command);
        await handler(command);
      });
    const events = { ...store, obey };
    await using backup = await boot(at, { ...options(at, fakeClock(START)), events });
    await backup.created(2);
    const subject = (key: string) => commandSubject('backup', 'CreateBackup', { host: HOST, key });
    await events.command(subject('deploy-42'), { reason: 'before_deployment', sources: ['logs'] });
    const [, , made] = await eventually(async () => {
      const told = await backup.told('BackupCreated');
      return told.length > 2 && told;
    });
    expect(made?.correlationid).toBe('deploy-42');
    expect(made?.data.manifest).toMatchObject({ backup_type: 'snapshot', reason: 'before_deployment' });

    await events.command(subject('x'), { sources: ['nope'] });
    const parked = await eventually(async () => {
      const letters = await Array.fromAsync(events.deadLetters());
      return letters.length > 0 && letters;
    });
    expect(parked[0]?.reason).toContain('nope');
    await settled(backup);
    expect(await backup.told('BackupRequested')).toHaveLength(1);
  });

  test('is refused where its schedule is switched off', async () => {
    using at = filled();
    const yaml: Yaml = { schedule: { before_deployment: { enabled: false } } };
    await using backup = await boot(at, options(at, fakeClock(START), yaml));
    const reply = await backup.call('POST', '/api/backup', { reason: 'before_deployment' });
    expect(reply.status).toBe(409);
  });
});

describe('a change of a schedule', () => {
  test('over HTTP is told with its version, holds over a restart, and until the file is edited', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const events = createMemoryStore();
    const given = { ...options(at, clock), events };
    const daily = async (backup: Booted) => (await schedulesOf(backup)).find(({ name }) => name === 'daily');
    {
      await using first = await boot(at, given);
      const put = await first.call<ScheduleView>('PUT', '/api/backup/schedules/daily', {
        type: 'incremental',
        time: '04:00',
        time_zone: 'America/Montevideo',
      });
      expect(put.body).toMatchObject({ version: 2, origin: 'api', next_at: '2026-07-15T07:00:00.000Z' });
    }
    {
      await using again = await boot(at, given);
      expect(await daily(again)).toMatchObject({ version: 2, origin: 'api', cron: '0 4 * * *' });
      const told = (await again.told('ScheduleModified')).filter(({ subject }) => subject === 'daily');
      expect(told.map(({ aggregateversion }) => aggregateversion)).toEqual([1, 2]);
      expect(told[1]?.data).toMatchObject({ previous: { time: '02:00' }, schedule: { time: '04:00' } });
    }
    const edited: Yaml = { schedule: { daily: { time: '05:00' } } };
    await using last = await boot(at, { ...options(at, clock, edited), events });
    expect(await daily(last)).toMatchObject({ version: 3, origin: 'config', cron: '0 5 * * *' });
    expect((await schedulesOf(last)).map(({ name }) => name)).toEqual(['daily']);
    const gone = (await last.told('ScheduleModified')).filter(({ data }) => data.schedule === null);
    expect(gone.map(({ subject }) => subject).sort()).toEqual(['before_deployment', 'hourly', 'weekly']);
  });

  test('is known again when the database was lost', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const events = createMemoryStore();
    const given = { ...options(at, clock, {}), events };
    {
      await using first = await boot(at, given);
      await first.call('PUT', '/api/backup/schedules/night', { cron: '0 3 * * *' });
    }
    using other = filled();
    await using again = await boot(other, given);
    expect(await schedulesOf(again)).toMatchObject([{ name: 'night', origin: 'api', cron: '0 3 * * *' }]);
  });

  test('with a jitter is shown, and what is shown can be given again', async () => {
    using at = filled();
    const yaml: Yaml = { schedule: { office: { cron: '*/30 8-18 * * 1-5', jitter: '2m' } } };
    await using backup = await boot(at, options(at, fakeClock(START), yaml));
    const [office] = await schedulesOf(backup);
    expect(office).toMatchObject({ name: 'office', jitter: 120_000, config: { jitter: 120_000 } });
    const put = await backup.call<ScheduleView>('PUT', '/api/backup/schedules/office', office?.config);
    expect(put).toMatchObject({ status: 200, body: { jitter: 120_000 } });
  });

  test('that is none is refused; a viewer may look only', async () => {
    using at = filled();
    await using backup = await boot(at, options(at, fakeClock(START)));
    const put = (name: string, body: object) =>
      backup.call<{ code: string; detail: string }>('PUT', `/api/backup/schedules/${name}`, body);
    expect((await put('nightly', {})).body.detail).toContain('write cron');
    expect((await put('daily', { sources: ['nope'] })).body.detail).toContain('nope');
    expect((await put('daily', { cron: '61 * * * *' })).body.code).toBe('bad_request');
    const looked = await backup.call('GET', '/api/backup/schedules', undefined, 'viewer');
    const changed = await backup.call('PUT', '/api/backup/schedules/daily', {}, 'backup_operator');
    expect([looked.status, changed.status]).toEqual([200, 403]);
  });
});
