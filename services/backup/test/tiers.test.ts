import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type {
  BackupHealth,
  BackupStorage,
  FileDifference,
  ListedBackup,
  VerifyResult,
} from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { RepositoryError } from '@holdfast/repository/errors';
import { openOrCreate } from '@holdfast/repository/repository-key';
import type { Clock } from '@holdfast/runtime/clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import type { Space } from '../src/domain/storage/level.ts';
import { checksumOf } from './support/booted.ts';
import { TIERS } from './support/tier-config.ts';
import { DAY, HOUR, type Tiered, tiered, tierWith } from './support/tiered.ts';

type DiffPage = { items: z.infer<typeof FileDifference>[]; next_cursor: string | null };

let here: Tiered;

beforeEach(() => {
  here = tiered();
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
});

test('what differs between two backups in different tiers, in pages', async () => {
  const { old, newest } = await here.twoBackups();
  here.clock.advance(7 * DAY);
  await here.until(old.backup_id, 'warm');
  const diff = async (query: string, [one, other]: BackupManifest[] = [old, newest]) => {
    const path = `/api/backup/${one?.backup_id}/diff/${other?.backup_id}${query}`;
    return (await here.backup.call<DiffPage>('GET', path, undefined, 'viewer')).body;
  };
  const seen = ({ items }: DiffPage) =>
    items.map((one) => [one.path.slice(here.at.root.length), one.change, one.before?.size, one.after?.size]);
  const all = await diff('');
  expect(seen(all)).toEqual([
    ['/a.json', 'changed', 7, 7],
    ['/b.json', 'added', undefined, 2],
  ]);
  expect(seen(await diff('', [newest, old])).map(([path, change]) => [path, change])).toEqual([
    ['/a.json', 'changed'],
    ['/b.json', 'removed'],
  ]);
  const first = await diff('?limit=1');
  const second = await diff(`?limit=1&cursor=${first.next_cursor}`);
  expect([...first.items, ...second.items]).toEqual(all.items);
  expect([all.next_cursor, second.next_cursor]).toEqual([null, null]);
  // The folder has one more file in it.
  expect(seen(await diff('?metadata=true'))[0]?.slice(0, 2)).toEqual(['', 'metadata']);
  expect((await here.backup.call('GET', `/api/backup/${old.backup_id}/diff/backup_x`)).status).toBe(404);
});

test('a backup goes from hot to warm to cold, and comes back from there byte by byte', async () => {
  const was = ['a.json', 'logs/today.log'].map((name) => checksumOf(join(here.at.root, name)));
  const { old, newest } = await here.twoBackups();
  expect((await here.move(true)).items.map(({ action }) => action)).toEqual(['stay', 'stay']);

  here.clock.advance(7 * DAY);
  // Hourly, by itself.
  await here.until(old.backup_id, 'warm');
  expect(await here.shown(old.backup_id)).toMatchObject({ retention: { tier: 'warm' } });
  expect([await here.listedIn('hot'), await here.listedIn('warm')]).toEqual([
    [newest.backup_id],
    [old.backup_id],
  ]);

  here.clock.advance(24 * DAY);
  await here.until(old.backup_id, 'cold');
  const copied = await here.backup.told('BackupCopied');
  const removed = await here.backup.told('BackupCopyRemoved');
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
  rmSync(join(here.at.data_dir, 'tiers/warm'), { recursive: true });
  const folder = await here.restored(old, 'restored');
  expect(['a.json', 'logs/today.log'].map((name) => checksumOf(join(folder, name)))).toEqual(was);
  expect(existsSync(join(folder, 'b.json'))).toBe(false);
  for (const level of ['manifest', 'data', 'restore']) {
    const verified = await here.backup.call<VerifyResult>('POST', `/api/backup/${old.backup_id}/verify`, {
      level,
    });
    expect(verified.body).toMatchObject({ passed: true, files_checked: 2 });
  }
  const files = await here.backup.call<{ items: { path: string }[] }>(
    'GET',
    `/api/backup/${old.backup_id}/files`,
  );
  expect(files.body.items.map(({ path }) => path)).toContain(join(here.at.root, 'a.json'));
  const found = await here.backup.call<{ items: ListedBackup[] }>(
    'GET',
    '/api/backup?contains_file=today.log',
  );
  const ids = found.body.items.map(({ backup_id }) => backup_id);
  expect(ids.slice(-2)).toEqual([newest.backup_id, old.backup_id]);
  // It opens with the key of the system, by itself.
  const key_file = join(here.at.data_dir, 'repository.key');
  await using cold = await openOrCreate({ location: join(here.at.data_dir, 'tiers/cold'), key_file });
  expect((await cold.snapshots()).map(({ metadata }) => metadata['backup_id'])).toEqual([old.backup_id]);
});

test('the newest stays in hot however old, as does what is held; a dry run says so', async () => {
  const { old, newest } = await here.twoBackups();
  await here.backup.call('POST', `/api/backup/${old.backup_id}/hold`, { reason: 'audit' });
  here.clock.advance(100 * DAY);
  const { items } = await here.move(true);
  expect(items.find(({ backup_id }) => backup_id === old.backup_id)).toMatchObject({
    ...{ action: 'stay', tiers: ['hot'], reasons: ['held'] },
  });
  expect(await here.move()).toMatchObject({ waiting: 0 });
  expect(await here.tiersOf(old.backup_id)).toEqual(['hot']);
  await here.backup.call('DELETE', `/api/backup/${old.backup_id}/hold`);
  expect((await here.move(true)).items.find(({ backup_id }) => backup_id === old.backup_id)).toMatchObject({
    ...{ action: 'copy', tier: 'cold', reasons: ['tier_period'] },
  });
  expect(newest.retention).toMatchObject({ tier: 'hot', archive_to_cold_storage_after: null });
});

test('a backup that is removed is gone from the tier where it was', async () => {
  const { old } = await here.twoBackups();
  here.clock.advance(8 * DAY);
  await here.move();
  expect(await here.tiersOf(old.backup_id)).toEqual(['warm']);
  expect((await here.backup.call('DELETE', `/api/backup/${old.backup_id}`)).status).toBe(204);
  const local = {
    location: join(here.at.data_dir, 'tiers/warm'),
    key_file: join(here.at.data_dir, 'repository.key'),
  };
  await using warm = await openOrCreate(local);
  expect(await warm.snapshots()).toEqual([]);
});

describe('a tier that cannot be used', () => {
  test('is told once, nothing is dropped, and what waits is moved when it can be', async () => {
    let is_full = true;
    const openTier = tierWith('copy_from', async (call) => {
      if (is_full) throw new RepositoryError('storage_full', 'no space left on warm');
      return call();
    });
    const events = createMemoryStore();
    const boots = () => here.start({ events, openTier });
    await boots();
    const [old] = (await here.backup.created(1)) as [BackupManifest];
    here.clock.advance(HOUR);
    here.at.write('a.json', '{"a":2}');
    await here.full();
    here.clock.advance(8 * DAY);
    await eventually(async () => (await here.backup.told('TierUnavailable')).length === 1);
    expect(await here.move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    await here.backup[Symbol.asyncDispose]();
    await boots();
    expect(await here.move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    expect(await here.tiersOf(old.backup_id)).toEqual(['hot']);
    const health = await here.backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body).toMatchObject({
      status: 'degraded',
      tiers: [{ tier: 'hot' }, { tier: 'warm', status: 'unavailable', detail: 'no space left on warm' }, {}],
    });

    is_full = false;
    await here.until(old.backup_id, 'warm');
    const told = await here.backup.told('TierUnavailable');
    expect(told.map(({ data }) => [data.tier, data.error.code, data.cleared_at !== undefined])).toEqual([
      ['warm', 'storage_full', false],
      ['warm', 'storage_full', true],
    ]);
  });

  test('and whose disk is full is not looked at again and again', async () => {
    let level: Space | null = null;
    const openTier = tierWith('copy_from', async () => {
      level = { device: 'warm', free_bytes: 0, total_bytes: 10, used_percent: 100 };
      throw new RepositoryError('storage_full', 'no space left on warm');
    });
    const short: number[] = [];
    const after: Clock['after'] = (delay_ms, call) => {
      if (delay_ms < 1_000) short.push(delay_ms);
      return here.clock.after(delay_ms, call);
    };
    const clock = { ...here.clock, after };
    const measureSpace = async (location: string) => (location.includes('warm') ? level : null);
    await here.twoBackups({ openTier, measureSpace, overrides: { clock } });
    here.clock.advance(8 * DAY);
    await eventually(async () => (await here.backup.told('TierUnavailable')).length === 1);
    await eventually(async () => {
      here.clock.advance(60_000);
      return (await here.backup.told('StorageThresholdCrossed')).some(
        ({ data }) => data.level === 'critical',
      );
    });
    for (let round = 0; round < 5; round += 1) await here.move();
    here.clock.advance(HOUR);
    await here.move();
    short.length = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      here.clock.advance(1);
      await setImmediate();
    }
    expect(short).toEqual([]);
  });

  test('whose folder is not mounted is never made anew, and its backups are there again with it', async () => {
    const { old } = await here.twoBackups();
    here.clock.advance(8 * DAY);
    await here.move();
    expect(await here.tiersOf(old.backup_id)).toEqual(['warm']);
    const warm = join(here.at.data_dir, 'tiers/warm');
    renameSync(warm, `${warm}.away`);
    mkdirSync(warm);
    const { status, body } = await here.backup.call<{ detail: string }>('POST', '/api/backup/restore', {
      ...{ backup_id: old.backup_id, target_path: join(here.at.root, '../none') },
    });
    const listed = await here.backup.call<{ items: object[]; not_searched: { backup_id: string }[] }>(
      ...(['GET', '/api/backup?contains_file=a.json'] as const),
    );
    expect(listed.body).toMatchObject({ items: [{}], not_searched: [{ backup_id: old.backup_id }] });
    const storage = await here.backup.call<BackupStorage>('GET', '/api/backup/storage');
    expect(storage.body.tiers[1]).toMatchObject({ tier: 'warm', backups: 1 });
    expect([status, body.detail]).toEqual([503, expect.stringContaining('tier warm cannot be used')]);
    here.clock.advance(30 * DAY);
    expect(await here.move()).toMatchObject({ copied: 0, dropped: 0, waiting: 1 });
    expect(readdirSync(warm)).toEqual([]);

    rmSync(warm, { recursive: true });
    renameSync(`${warm}.away`, warm);
    expect(await here.move()).toMatchObject({ copied: 1, dropped: 1, waiting: 0 });
    expect(await here.tiersOf(old.backup_id)).toEqual(['cold']);
  });

  test('that is away when a backup is removed: it goes there when the tier is back', async () => {
    const { old } = await here.twoBackups();
    here.clock.advance(8 * DAY);
    await here.move();
    const warm = join(here.at.data_dir, 'tiers/warm');
    renameSync(warm, `${warm}.away`);
    expect((await here.backup.call('DELETE', `/api/backup/${old.backup_id}`)).status).toBe(503);
    expect(await here.backup.told('BackupDeleted')).toEqual([]);
    renameSync(`${warm}.away`, warm);
    await here.backup.call('POST', '/api/backup/cleanup', {});
    expect((await here.backup.told('BackupDeleted')).map(({ subject }) => subject)).toEqual([old.backup_id]);
    expect((await here.backup.call('GET', `/api/backup/${old.backup_id}`)).status).toBe(404);
  });
});

test('hot lies where it is told to, and the data folder leads there', async () => {
  const location = join(here.at.root, '../backups/hot');
  const hot = { ...TIERS.hot, location };
  const { old } = await here.twoBackups({
    yaml: { time_zone: 'UTC', storage: { tiers: { ...TIERS, hot } } },
  });
  expect(readlinkSync(join(here.at.data_dir, 'repository'))).toBe(location);
  here.clock.advance(8 * DAY);
  await here.move();
  expect(await here.tiersOf(old.backup_id)).toEqual(['warm']);
  await here.restored(old, 'restored');
});

test('a disk that was lost for good is replaced by a new repository; the old one that turns up is taken in again', async () => {
  const { old } = await here.twoBackups();
  here.clock.advance(8 * DAY);
  await here.move();
  const warm = join(here.at.data_dir, 'tiers/warm');
  renameSync(warm, `${warm}.lost`);
  const place = (location: string) => ({ location, key_file: join(here.at.data_dir, 'repository.key') });
  const ids_of = [join(here.at.data_dir, 'repository')];
  await (await openOrCreate({ ...place(warm), ids_of, cache_dir: `${warm}.cache` }))[Symbol.asyncDispose]();
  await here.move();
  const { status } = await here.backup.call('GET', `/api/backup/${old.backup_id}`);
  expect(status).toBe(404);
  rmSync(warm, { recursive: true });
  renameSync(`${warm}.lost`, warm);
  await here.move();
  expect(await here.tiersOf(old.backup_id)).toEqual(['warm']);
  await here.restored(old, 'restored');
});

test('a backup that is removed while it is copied is gone from both tiers', async () => {
  const openTier = tierWith('copy_from', async (call) => {
    const result = await call();
    const { status } = await here.backup.call('DELETE', `/api/backup/${old.backup_id}`);
    expect(status).toBe(204);
    return result;
  });
  const { old } = await here.twoBackups({ openTier });
  here.clock.advance(8 * DAY);
  await here.move();
  expect(await here.backup.told('BackupCopied')).toEqual([]);
  const local = {
    location: join(here.at.data_dir, 'tiers/warm'),
    key_file: join(here.at.data_dir, 'repository.key'),
  };
  await using warm = await openOrCreate(local);
  expect(await warm.snapshots()).toEqual([]);
});

describe('what is damaged', () => {
  test('in one tier comes from the other; nothing of it is moved on', async () => {
    const { old } = await here.twoBackups();
    const was = checksumOf(join(await here.restored(old, 'before'), 'logs/today.log'));
    // Both copies stand: killed between the copy and the drop.
    cpSync(join(here.at.data_dir, 'repository'), join(here.at.data_dir, 'kept'), { recursive: true });
    here.clock.advance(8 * DAY);
    await here.move();
    await here.backup[Symbol.asyncDispose]();
    rmSync(join(here.at.data_dir, 'repository'), { recursive: true });
    renameSync(join(here.at.data_dir, 'kept'), join(here.at.data_dir, 'repository'));
    rmSync(join(here.at.data_dir, 'backup'), { recursive: true });
    await here.start({ events: createMemoryStore() });
    await eventually(async () => (await here.tiersOf(old.backup_id)).length === 2);
    const packs = join(here.at.data_dir, 'repository/packs');
    for (const name of readdirSync(packs, { recursive: true, encoding: 'utf8' })) {
      const path = join(packs, name);
      if (statSync(path).isFile()) rmSync(path);
    }
    expect(checksumOf(join(await here.restored(old, 'after'), 'logs/today.log'))).toBe(was);
    expect(readFileSync(join(await here.restored(old, 'again'), 'a.json'), 'utf8')).toBe('{"a":1}');
  });

  test('in the only copy is told, and the backup stays where it is', async () => {
    const { old } = await here.twoBackups();
    const packs = join(here.at.data_dir, 'repository/packs');
    await here.backup[Symbol.asyncDispose]();
    for (const name of readdirSync(packs, { recursive: true, encoding: 'utf8' })) {
      const path = join(packs, name);
      if (statSync(path).isFile()) rmSync(path);
    }
    await here.start({ events: here.backup.context.events });
    here.clock.advance(8 * DAY);
    await eventually(async () => (await here.backup.told('BackupVerificationFailed')).length === 1);
    expect(await here.tiersOf(old.backup_id)).toEqual(['hot']);
    expect(await here.backup.told('TierUnavailable')).toEqual([]);
    expect((await here.move()).items.find(({ backup_id }) => backup_id === old.backup_id)?.reasons).toEqual([
      'damaged',
    ]);
  });
});

test('two movers at once do each move once', async () => {
  const { old } = await here.twoBackups();
  here.clock.advance(8 * DAY);
  await Promise.all([here.move(), here.move(), here.move()]);
  expect((await here.backup.told('BackupCopied')).map(({ subject }) => subject)).toEqual([old.backup_id]);
  expect((await here.backup.told('BackupCopyRemoved')).map(({ subject }) => subject)).toEqual([
    old.backup_id,
  ]);
});
