import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupHealth, BackupStorage } from '@holdfast/contracts/http/backup';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TIERS } from './support/tier-config.ts';
import { DAY, HOUR, type Tiered, tiered } from './support/tiered.ts';

let here: Tiered;

beforeEach(() => {
  here = tiered();
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
});

describe('free space', () => {
  test('that gets short is told once a threshold, cleans up, and is told when it is over', async () => {
    let used_percent = 10;
    const measureSpace = async (location: string) => ({
      ...{ device: location.includes('warm') ? 'other' : 'main', used_percent },
      ...{ free_bytes: 2 ** 40, total_bytes: 2 ** 42 },
    });
    const rotation = { hourly: { keep_count: 1 } };
    await here.start({ measureSpace, yaml: { time_zone: 'UTC', rotation, storage: { tiers: TIERS } } });
    await here.backup.created(1);
    here.clock.advance(60_000);
    const crossings = async () =>
      (await here.backup.told('StorageThresholdCrossed')).map(({ data }) => [data.tier, data.level]);
    const minute = async (percent: number) => {
      used_percent = percent;
      await eventually(async () => {
        here.clock.advance(60_000);
        const { tiers: all } = (await here.backup.call<BackupHealth>('GET', '/api/backup/health')).body;
        return all[0]?.used_percent === percent;
      });
    };
    for (const percent of [79, 81, 79, 82, 91, 89, 92]) await minute(percent);
    await eventually(async () => (await crossings()).length === 2);
    expect(await crossings()).toEqual([
      ['hot', 'high'],
      ['hot', 'critical'],
    ]);
    const health = await here.backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body).toMatchObject({
      status: 'degraded',
      tiers: [{ level: 'critical', free_bytes: 2 ** 40 }, {}, {}],
    });
    await minute(30);
    await eventually(async () => (await crossings()).length === 3);
    expect((await here.backup.told('StorageThresholdCrossed')).at(-1)?.data).toMatchObject({
      ...{ level: 'normal', previous_level: 'critical', used_percent: 30, tiers: ['hot'] },
    });
    const storage = await here.backup.call<BackupStorage>('GET', '/api/backup/storage');
    expect(storage.body.tiers).toMatchObject([
      { tier: 'hot', status: 'ok', backups: 1, retention_days: 7, used_percent: 30 },
      { tier: 'warm', status: 'pending', backups: 0 },
      { tier: 'cold', status: 'pending', retention_days: null },
    ]);
  });

  test('nothing is moved onto a disk that is critically full', async () => {
    let used_percent = 10;
    const measureSpace = async (location: string) => ({
      ...{ device: location, used_percent: location.includes('warm') ? used_percent : 10 },
      ...{ free_bytes: 2 ** 40, total_bytes: 2 ** 42 },
    });
    await here.start({ measureSpace });
    const [first] = (await here.backup.created(1)) as [BackupManifest];
    here.clock.advance(HOUR);
    here.at.write('a.json', '{"a":2}');
    const second = await here.full();
    here.clock.advance(HOUR);
    here.at.write('a.json', '{"a":3}');
    await here.full();
    here.clock.advance(7 * DAY - 2 * HOUR + 1);
    await here.move();
    expect([await here.tiersOf(first.backup_id), await here.tiersOf(second.backup_id)]).toEqual([
      ['warm'],
      ['hot'],
    ]);
    used_percent = 95;
    const crossings = (count: number) =>
      eventually(async () => {
        here.clock.advance(60_000);
        return (await here.backup.told('StorageThresholdCrossed')).length === count;
      });
    await crossings(1);
    here.clock.advance(2 * HOUR);
    expect(await here.move()).toMatchObject({ copied: 0, waiting: 1 });
    used_percent = 50;
    await crossings(2);
    await here.move();
    expect(await here.tiersOf(second.backup_id)).toEqual(['warm']);
  });
});
