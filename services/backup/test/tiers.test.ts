import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type {
  BackupHealth,
  BackupStorage,
  ListedBackup,
  MoveResult,
  RestoreResult,
  VerifyResult,
} from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import type { Repository } from '@holdfast/repository/api';
import { RepositoryError } from '@holdfast/repository/errors';
import { openRepository } from '@holdfast/repository/open';
import { openOrCreate, readKeyFile } from '@holdfast/repository/repository-key';
import type { TierPlace } from '@holdfast/runtime/repository-place';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import { type FakeClock, fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Booted, type BootOptions, boot, checksumOf, type Place, place } from './support/booted.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-07-15T00:30:00.000Z');
const tiers = {
  hot: { retention_days: 7 },
  warm: { retention_days: 30 },
  cold: {},
};

let at: Place;
let clock: FakeClock;
let backup: Booted;

const options = (more: Partial<BootOptions> = {}): BootOptions => ({
  sources: { bmc: { root: at.root, backup_frequency: 'monthly' } },
  yaml: { time_zone: 'UTC', storage: { tiers } },
  ...more,
  overrides: { clock, ...more.overrides },
});

beforeEach(async () => {
  at = place();
  clock = fakeClock(START);
  at.write('a.json', '{"a":1}');
  at.write('logs/today.log', 'ñandú '.repeat(10_000));
});

afterEach(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

const full = async () =>
  (await backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', wait: true })).body;
const shown = async (id: string) => (await backup.call<ListedBackup>('GET', `/api/backup/${id}`)).body;
const tiersOf = async (id: string) => (await shown(id)).locations.map(({ tier }) => tier);
const listedIn = async (tier: string) => {
  const page = await backup.call<{ items: ListedBackup[] }>('GET', `/api/backup?tier=${tier}`);
  return page.body.items.map(({ backup_id }) => backup_id);
};
const move = async (dry_run = false) =>
  (await backup.call<MoveResult>('POST', '/api/backup/move', { dry_run })).body;

/** Two backups with different content; the old one may be moved, once it is old enough. */
async function twoBackups(
  more: Partial<BootOptions> = {},
): Promise<{ old: BackupManifest; newest: BackupManifest }> {
  backup = await boot(at, options(more));
  const [old] = await backup.created(1);
  clock.advance(HOUR);
  at.write('a.json', '{"a":2}');
  at.write('b.json', '{}');
  const newest = await full();
  return { old: old as BackupManifest, newest };
}

/** The whole backup, put below a new folder and compared; the folder. */
async function restored({ backup_id }: BackupManifest, name: string): Promise<string> {
  const target_path = join(at.root, '..', name);
  const { body } = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
    backup_id,
    target_path,
  });
  expect(body).toMatchObject({ failed: [], verified: true });
  return join(target_path, at.root);
}

test('a backup goes from hot to warm to cold, and comes back from there byte by byte', async () => {
  const was = ['a.json', 'logs/today.log'].map((name) => checksumOf(join(at.root, name)));
  const { old, newest } = await twoBackups();
  expect((await move(true)).items.map(({ action }) => action)).toEqual(['stay', 'stay']);

  clock.advance(7 * DAY);
  // Hourly, by itself.
  await eventually(async () => (await tiersOf(old.backup_id))[0] === 'warm');
  expect(await tiersOf(old.backup_id)).toEqual(['warm']);
  expect(await shown(old.backup_id)).toMatchObject({ retention: { tier: 'warm' } });
  expect([await listedIn('hot'), await listedIn('warm')]).toEqual([[newest.backup_id], [old.backup_id]]);

  clock.advance(24 * DAY);
  await eventually(async () => (await tiersOf(old.backup_id))[0] === 'cold');
  const copied = await backup.told('BackupCopied');
  const removed = await backup.told('BackupCopyRemoved');
  const moved = copied.filter(({ data }) => data.backup_id === old.backup_id);
  expect(moved.map(({ data }) => [data.from_tier, data.tier, data.files_checked])).toEqual([
    ['hot', 'warm', 2],
    ['warm', 'cold', 2],
  ]);
  expect(
    removed.filter(({ data }) => data.backup_id === old.backup_id).map(({ data }) => data),
  ).toMatchObject([
    { tier: 'hot', kept_in: ['warm'] },
    { tier: 'warm', kept_in: ['cold'] },
  ]);

  // Hot has nothing of it any more, and nothing of warm is needed.
  rmSync(join(at.data_dir, 'tiers/warm'), { recursive: true });
  const folder = await restored(old, 'restored');
  expect(['a.json', 'logs/today.log'].map((name) => checksumOf(join(folder, name)))).toEqual(was);
  expect(existsSync(join(folder, 'b.json'))).toBe(false);
  for (const level of ['manifest', 'data', 'restore']) {
    const verified = await backup.call<VerifyResult>('POST', `/api/backup/${old.backup_id}/verify`, {
      level,
    });
    expect(verified.body).toMatchObject({ passed: true, files_checked: 2 });
  }
  const files = await backup.call<{ items: { path: string }[] }>('GET', `/api/backup/${old.backup_id}/files`);
  expect(files.body.items.map(({ path }) => path)).toContain(join(at.root, 'a.json'));
  const found = await backup.call<{ items: ListedBackup[] }>('GET', '/api/backup?contains_file=today.log');
  expect(found.body.items.map(({ backup_id }) => backup_id)).toEqual([newest.backup_id, old.backup_id]);
  // It opens with the key of the system, by itself.
  const key_file_bytes = await readKeyFile(join(at.data_dir, 'repository.key'));
  await using cold = await openRepository(openBlobStore(join(at.data_dir, 'tiers/cold')), { key_file_bytes });
  expect((await cold.snapshots()).map(({ metadata }) => metadata['backup_id'])).toEqual([old.backup_id]);
});

test('the newest stays in hot however old, as does what is held; a dry run says so', async () => {
  const { old, newest } = await twoBackups();
  await backup.call('POST', `/api/backup/${old.backup_id}/hold`, { reason: 'audit' });
  clock.advance(100 * DAY);
  const { items } = await move(true);
  expect(items.find(({ backup_id }) => backup_id === old.backup_id)).toMatchObject({
    ...{ action: 'stay', tiers: ['hot'], reasons: ['held'] },
  });
  expect(await move()).toMatchObject({ waiting: 0 });
  expect(await tiersOf(old.backup_id)).toEqual(['hot']);
  await backup.call('DELETE', `/api/backup/${old.backup_id}/hold`);
  expect((await move(true)).items.find(({ backup_id }) => backup_id === old.backup_id)).toMatchObject({
    ...{ action: 'copy', tier: 'cold', reasons: ['tier_period'] },
  });
  expect(newest.retention).toMatchObject({ tier: 'hot', archive_to_cold_storage_after: null });
});

test('a backup that is removed is gone from the tier where it was', async () => {
  const { old } = await twoBackups();
  clock.advance(8 * DAY);
  await move();
  expect(await tiersOf(old.backup_id)).toEqual(['warm']);
  expect((await backup.call('DELETE', `/api/backup/${old.backup_id}`)).status).toBe(204);
  const local = { location: join(at.data_dir, 'tiers/warm'), key_file: join(at.data_dir, 'repository.key') };
  await using warm = await openOrCreate(local);
  expect(await warm.snapshots()).toEqual([]);
});

/** The real tiers, of which one call fails as a test wants it. */
function failing(
  method: 'copy_from' | 'forget' | 'snapshots',
  fail: (tier: string, is_done: boolean) => void,
) {
  return async (where: TierPlace) => {
    const repository = await openOrCreate(where, { ids_of: join(at.data_dir, 'repository') });
    const call = repository[method] as (...args: unknown[]) => Promise<unknown>;
    const failed: Partial<Repository> = {
      [method]: async (...args: unknown[]) => {
        fail(where.name, false);
        const result = await call.apply(repository, args);
        fail(where.name, true);
        return result;
      },
    };
    return Object.assign(Object.create(repository), repository, failed) as Repository;
  };
}

describe('a tier that cannot be used', () => {
  test('is told once, nothing is dropped, and what waits is moved when it can be', async () => {
    let is_full = true;
    const openTier = failing('copy_from', () => {
      if (is_full) throw new RepositoryError('storage_full', 'no space left on warm');
    });
    const events = createMemoryStore();
    const boots = () => boot(at, options({ events, openTier }));
    backup = await boots();
    const [old] = (await backup.created(1)) as [BackupManifest];
    clock.advance(HOUR);
    at.write('a.json', '{"a":2}');
    await full();
    clock.advance(8 * DAY);
    await eventually(async () => (await backup.told('TierUnavailable')).length === 1);
    expect(await move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    await backup[Symbol.asyncDispose]();
    backup = await boots();
    expect(await move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    expect(await tiersOf(old.backup_id)).toEqual(['hot']);
    const health = await backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body).toMatchObject({
      status: 'degraded',
      tiers: [{ tier: 'hot' }, { tier: 'warm', status: 'unavailable', detail: 'no space left on warm' }, {}],
    });

    is_full = false;
    clock.advance(HOUR);
    await eventually(async () => (await tiersOf(old.backup_id))[0] === 'warm');
    const told = await backup.told('TierUnavailable');
    expect(told.map(({ data }) => [data.tier, data.error.code, data.cleared_at !== undefined])).toEqual([
      ['warm', 'storage_full', false],
      ['warm', 'storage_full', true],
    ]);
  });

  test('whose folder is not mounted is never made anew, and its backups are there again with it', async () => {
    const { old } = await twoBackups();
    clock.advance(8 * DAY);
    await move();
    expect(await tiersOf(old.backup_id)).toEqual(['warm']);
    const warm = join(at.data_dir, 'tiers/warm');
    renameSync(warm, `${warm}.away`);
    mkdirSync(warm);
    const { status, body } = await backup.call<{ detail: string }>('POST', '/api/backup/restore', {
      ...{ backup_id: old.backup_id, target_path: join(at.root, '../none') },
    });
    expect([status, body.detail]).toEqual([503, expect.stringContaining('tier warm cannot be used')]);
    clock.advance(30 * DAY);
    expect(await move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    expect(readdirSync(warm)).toEqual([]);

    rmSync(warm, { recursive: true });
    renameSync(`${warm}.away`, warm);
    expect(await move()).toMatchObject({ copied: 1, dropped: 1, waiting: 0 });
    expect(await tiersOf(old.backup_id)).toEqual(['cold']);
  });

  test('that is away when a backup is removed: it goes there when the tier is back', async () => {
    const { old } = await twoBackups();
    clock.advance(8 * DAY);
    await move();
    const warm = join(at.data_dir, 'tiers/warm');
    renameSync(warm, `${warm}.away`);
    expect((await backup.call('DELETE', `/api/backup/${old.backup_id}`)).status).toBe(503);
    expect(await backup.told('BackupDeleted')).toEqual([]);
    renameSync(`${warm}.away`, warm);
    await backup.call('POST', '/api/backup/cleanup', {});
    expect((await backup.told('BackupDeleted')).map(({ subject }) => subject)).toEqual([old.backup_id]);
    expect((await backup.call('GET', `/api/backup/${old.backup_id}`)).status).toBe(404);
  });
});

describe('what is damaged', () => {
  test('in one tier comes from the other; nothing of it is moved on', async () => {
    const { old } = await twoBackups();
    const was = checksumOf(join(await restored(old, 'before'), 'logs/today.log'));
    // Both copies stand: killed between the copy and the drop.
    cpSync(join(at.data_dir, 'repository'), join(at.data_dir, 'kept'), { recursive: true });
    clock.advance(8 * DAY);
    await move();
    await backup[Symbol.asyncDispose]();
    rmSync(join(at.data_dir, 'repository'), { recursive: true });
    renameSync(join(at.data_dir, 'kept'), join(at.data_dir, 'repository'));
    rmSync(join(at.data_dir, 'backup'), { recursive: true });
    backup = await boot(at, options({ events: createMemoryStore() }));
    await eventually(async () => (await tiersOf(old.backup_id)).length === 2);
    const packs = join(at.data_dir, 'repository/packs');
    for (const name of readdirSync(packs, { recursive: true, encoding: 'utf8' })) {
      const path = join(packs, name);
      if (statSync(path).isFile()) rmSync(path);
    }
    expect(checksumOf(join(await restored(old, 'after'), 'logs/today.log'))).toBe(was);
    expect(readFileSync(join(await restored(old, 'again'), 'a.json'), 'utf8')).toBe('{"a":1}');
  });

  test('in the only copy is told, and the backup stays where it is', async () => {
    const { old } = await twoBackups();
    const packs = join(at.data_dir, 'repository/packs');
    await backup[Symbol.asyncDispose]();
    for (const name of readdirSync(packs, { recursive: true, encoding: 'utf8' })) {
      const path = join(packs, name);
      if (statSync(path).isFile()) rmSync(path);
    }
    backup = await boot(at, options({ events: backup.context.events }));
    clock.advance(8 * DAY);
    await eventually(async () => (await backup.told('BackupVerificationFailed')).length === 1);
    expect(await tiersOf(old.backup_id)).toEqual(['hot']);
    expect(await backup.told('TierUnavailable')).toEqual([]);
    expect((await move()).items.find(({ backup_id }) => backup_id === old.backup_id)?.reasons).toEqual([
      'damaged',
    ]);
  });
});

describe('cut off', () => {
  /** A process that is gone: nothing of it is closed, and nothing of it goes on. */
  async function killedAt(method: 'copy_from' | 'snapshots', when: 'before' | 'after') {
    const [reached, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    const openTier = async (where: TierPlace) => {
      const repository = await openOrCreate(where, { ids_of: join(at.data_dir, 'repository') });
      const call = repository[method] as (...args: unknown[]) => Promise<unknown>;
      const hung = {
        [method]: async (...args: unknown[]) => {
          if (when === 'after') await call.apply(repository, args);
          reached.resolve();
          return dead.promise;
        },
      };
      return Object.assign(Object.create(repository), repository, hung) as Repository;
    };
    const { old } = await twoBackups({ openTier });
    const first = backup;
    clock.advance(8 * DAY);
    await reached.promise;
    backup = await boot(at, options({ events: first.context.events }));
    const end = async () => {
      dead.reject(new Error('the end of the test'));
      await first[Symbol.asyncDispose]();
    };
    return { old, end };
  }

  test.each([
    ['before the copy', 'copy_from', 'before'],
    ['after the copy is committed and before it is verified', 'copy_from', 'after'],
    ['as the copy is looked for', 'snapshots', 'after'],
  ] as const)('%s: the next start goes on', async (_what, method, when) => {
    const { old, end } = await killedAt(method, when);
    await eventually(async () => (await tiersOf(old.backup_id)).join() === 'warm');
    expect((await backup.told('BackupCopied')).map(({ data }) => data.tier)).toEqual(['warm']);
    expect((await backup.told('BackupCopyRemoved')).map(({ data }) => data.tier)).toEqual(['hot']);
    await restored(old, 'restored');
    await end();
  });
});

test('a lost database and an empty history: what is in warm only is found again, verified and told', async () => {
  const { old, newest } = await twoBackups();
  clock.advance(8 * DAY);
  await move();
  const before = (await backup.told('BackupCreated')).map(({ id }) => id).sort();
  await backup[Symbol.asyncDispose]();
  rmSync(join(at.data_dir, 'backup'), { recursive: true });
  backup = await boot(at, options({ events: createMemoryStore() }));
  await eventually(async () => (await backup.told('BackupCreated')).length === 2);
  expect((await backup.told('BackupCreated')).map(({ id }) => id).sort()).toEqual(before);
  expect([await tiersOf(old.backup_id), await tiersOf(newest.backup_id)]).toEqual([['warm'], ['hot']]);
  await restored(old, 'restored');
});

test('two movers at once do each move once', async () => {
  const { old } = await twoBackups();
  clock.advance(8 * DAY);
  await Promise.all([move(), move(), move()]);
  expect((await backup.told('BackupCopied')).map(({ subject }) => subject)).toEqual([old.backup_id]);
  expect((await backup.told('BackupCopyRemoved')).map(({ subject }) => subject)).toEqual([old.backup_id]);
});

describe('free space', () => {
  test('that gets short is told once a threshold, cleans up, and is told when it is over', async () => {
    let used_percent = 10;
    const measureSpace = async (location: string) => ({
      ...{ device: location.includes('warm') ? 'other' : 'main', used_percent },
      ...{ free_bytes: 2 ** 40, total_bytes: 2 ** 42 },
    });
    const rotation = { hourly: { keep_count: 1 } };
    backup = await boot(
      at,
      options({ measureSpace, yaml: { time_zone: 'UTC', rotation, storage: { tiers } } }),
    );
    await backup.created(1);
    clock.advance(60_000);
    const crossings = async () =>
      (await backup.told('StorageThresholdCrossed')).map(({ data }) => [data.tier, data.level]);
    const minute = async (percent: number) => {
      used_percent = percent;
      clock.advance(60_000);
      await eventually(async () => {
        const { tiers: all } = (await backup.call<BackupHealth>('GET', '/api/backup/health')).body;
        return all[0]?.used_percent === percent;
      });
    };
    for (const percent of [79, 81, 79, 82, 91, 89, 92]) await minute(percent);
    await eventually(async () => (await crossings()).length === 2);
    expect(await crossings()).toEqual([
      ['hot', 'high'],
      ['hot', 'critical'],
    ]);
    const health = await backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body).toMatchObject({
      status: 'degraded',
      tiers: [{ level: 'critical', free_bytes: 2 ** 40 }, {}, {}],
    });
    await minute(30);
    await eventually(async () => (await crossings()).length === 3);
    expect((await backup.told('StorageThresholdCrossed')).at(-1)?.data).toMatchObject({
      ...{ level: 'normal', previous_level: 'critical', used_percent: 30, tiers: ['hot'] },
    });
    const storage = await backup.call<BackupStorage>('GET', '/api/backup/storage');
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
    backup = await boot(at, options({ measureSpace }));
    const [first] = (await backup.created(1)) as [BackupManifest];
    clock.advance(HOUR);
    at.write('a.json', '{"a":2}');
    const second = await full();
    clock.advance(HOUR);
    at.write('a.json', '{"a":3}');
    await full();
    clock.advance(7 * DAY - 2 * HOUR + 1);
    await move();
    expect([await tiersOf(first.backup_id), await tiersOf(second.backup_id)]).toEqual([['warm'], ['hot']]);
    used_percent = 95;
    clock.advance(60_000);
    await eventually(async () => (await backup.told('StorageThresholdCrossed')).length === 1);
    clock.advance(2 * HOUR);
    expect(await move()).toMatchObject({ copied: 0, waiting: 1 });
    used_percent = 50;
    clock.advance(60_000);
    await eventually(async () => (await backup.told('StorageThresholdCrossed')).length === 2);
    await move();
    expect(await tiersOf(second.backup_id)).toEqual(['warm']);
  });
});
