import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { CleanupResult } from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { type FakeClock, fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { type Booted, type BootOptions, boot, type Place, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.parse('2026-07-15T00:30:00.000Z');
/** No restores, unless a test wants them. */
const READ_ONLY = 365_000_000_000_000;

function optionsOf(at: Place, clock: FakeClock, restore_every = READ_ONLY) {
  const repository = memoryRepository();
  const options: BootOptions = {
    repository,
    sources: {
      bmc: { root: at.root, paths: ['*.json'], backup_frequency: 'monthly' },
      logs: { root: at.root, paths: ['logs/'], backup_frequency: 'monthly' },
    },
    yaml: { time_zone: 'UTC', verification: { enabled: true, after: MINUTE, restore_every } },
    overrides: { clock },
  };
  return { repository, options };
}

function filled(): Place {
  const at = place();
  for (let n = 0; n < 20; n++) at.write(`${n}.json`, `{"n":${n}}`);
  at.write('logs/today.log', 'hello');
  return at;
}

/** Lets the clock run until it is so; rounds follow one another in their own time. */
const until = (clock: FakeClock, check: () => Promise<boolean>) =>
  eventually(async () => {
    clock.advance(31_000);
    return check();
  });

const verified = async (backup: Booted) => (await backup.told('BackupVerified')).map(({ data }) => data);
const create = async (backup: Booted, body: object = {}) =>
  (await backup.call<BackupManifest>('POST', '/api/backup', { sources: ['bmc'], ...body, wait: true })).body;
const shown = async (backup: Booted, id: string | undefined) =>
  (await backup.call<BackupManifest>('GET', `/api/backup/${id}`)).body;

describe('a new backup', () => {
  test('is read a minute later, of what was read before only what is new', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { options } = optionsOf(at, clock);
    await using backup = await boot(at, options);
    const [first] = await backup.created(2);
    await until(clock, async () => (await verified(backup)).length === 2);
    expect((await verified(backup)).find(({ backup_id }) => backup_id === first?.backup_id)).toMatchObject({
      level: 'data',
    });
    expect((await verified(backup)).map(({ files_checked }) => files_checked).sort()).toEqual([1, 20]);

    at.write('3.json', '{"n":"changed"}');
    const changed = await create(backup);
    expect(changed.validation.integrity_check).toBe('pending');
    await until(clock, async () => (await verified(backup)).length === 3);
    const bmc = (await verified(backup)).find(({ files_checked }) => files_checked === 20);
    expect((await verified(backup))[2]).toMatchObject({
      ...{ backup_id: changed.backup_id, level: 'data', files_checked: 1, base_backup_id: bmc?.backup_id },
    });
    expect((await shown(backup, changed.backup_id)).validation).toMatchObject({
      ...{ integrity_check: 'passed', restore_test: 'pending', verified_at: expect.any(String) },
    });
    clock.advance(DAY);
    await create(backup);
    await until(clock, async () => (await verified(backup)).length === 4);
  });

  test('is verified after a kill too, one at a time, and what the kill left in scratch is removed', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { repository, options } = optionsOf(at, clock);
    const events = createMemoryStore();
    const read = repository.read_many;
    let begun = false;
    const dead = Promise.withResolvers<void>();
    repository.read_many = () => {
      begun = true;
      return dead.promise;
    };
    // Nothing of it is closed while the other one lives, and nothing of it goes on.
    await using killed = await boot(at, { ...options, events });
    using _dead = { [Symbol.dispose]: () => dead.reject(new Error('the end of the test')) };
    await killed.created(2);
    await until(clock, async () => begun);
    const left = join(at.data_dir, 'scratch', 'verify-left');
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'a'), '');

    let [now, most] = [0, 0];
    repository.read_many = async (...args) => {
      now += 1;
      most = Math.max(most, now);
      await read(...args);
      now -= 1;
    };
    const later = fakeClock(clock.now_ms());
    await using again = await boot(at, { ...options, events, overrides: { clock: later } });
    expect(existsSync(left)).toBe(false);
    for (let n = 0; n < 3; n++) await create(again, { type: 'full' });
    await until(later, async () => (await verified(again)).length === 5);
    expect(most).toBe(1);
  });
});

describe('the sample', () => {
  test('restores one backup a day into scratch; the sources take turns', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { options } = optionsOf(at, clock, DAY);
    await using backup = await boot(at, options);
    const made = await backup.created(2);
    const restores = async () => (await verified(backup)).filter(({ level }) => level === 'restore');
    await until(clock, async () => (await restores()).length === 1);
    for (let n = 0; n < 5; n++) await create(backup);
    expect(await restores()).toHaveLength(1);
    clock.advance(DAY);
    await until(clock, async () => (await restores()).length === 2);
    const sourceOf = (id: string) =>
      made.find(({ backup_id }) => backup_id === id)?.sources[0]?.source ?? 'bmc';
    expect((await restores()).map(({ backup_id }) => sourceOf(backup_id)).sort()).toEqual(['bmc', 'logs']);
    const [{ backup_id } = { backup_id: '' }] = await restores();
    expect((await shown(backup, backup_id)).validation).toMatchObject({
      ...{ integrity_check: 'passed', restore_test: 'passed' },
    });
  });
});

describe('damage', () => {
  const failures = async (backup: Booted) =>
    (await backup.told('BackupVerificationFailed')).map(({ data }) => data);

  test('is told, mended from the files themselves, and told to be mended', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { repository, options } = optionsOf(at, clock);
    await using backup = await boot(at, options);
    await backup.created(2);
    const path = join(at.root, '7.json');
    repository.damaged.add(path);
    await until(clock, async () => (await verified(backup)).length === 2);
    const [failed] = await failures(backup);
    expect(failed?.problems).toEqual([expect.stringContaining(path)]);
    expect(repository.repairs).toBe(1);
    expect((await shown(backup, failed?.backup_id)).validation.integrity_check).toBe('passed');
    expect(await failures(backup)).toHaveLength(1);
  });

  test('that nothing can mend: told once, the backup is not good any more, and a full one is made', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { repository, options } = optionsOf(at, clock);
    await using backup = await boot(at, options);
    await backup.created(2);
    const path = join(at.root, '7.json');
    repository.damaged.add(path);
    rmSync(path);
    await until(clock, async () => (await backup.told('BackupCreated')).length === 3);
    const full = (await backup.created(3))[2];
    expect(full).toMatchObject({ backup_type: 'full', sources: [{ source: 'bmc', files_backed_up: 19 }] });
    const [failed] = await failures(backup);
    expect((await shown(backup, failed?.backup_id)).validation.integrity_check).toBe('failed');
    await until(clock, async () => (await verified(backup)).length === 2);

    // Looked at again each day, told no more.
    for (let days = 0; days < 3; days++) {
      clock.advance(DAY);
      await create(backup, { type: 'full' });
      await until(clock, async () => (await verified(backup)).length === 3 + days);
    }
    expect(await failures(backup)).toHaveLength(1);
    repository.damaged.clear();
    clock.advance(DAY);
    await until(clock, async () =>
      (await verified(backup)).some(({ backup_id }) => backup_id === failed?.backup_id),
    );
  });

  test('of the newest backup: the newest good one is an older one, and stays', async () => {
    using at = filled();
    const clock = fakeClock(START);
    const { repository, options } = optionsOf(at, clock);
    options.yaml = {
      ...options.yaml,
      rotation: { hourly: { keep_count: 1 } },
      storage: { tiers: { hot: { auto_cleanup: false } } },
      verification: { enabled: false },
    };
    await using backup = await boot(at, options);
    await backup.created(2);
    clock.advance(2 * 3_600_000);
    const good = await create(backup);
    clock.advance(2 * 3_600_000);
    const newest = await create(backup);
    repository.damaged.add(join(at.root, '7.json'));
    await backup.call('POST', `/api/backup/${newest.backup_id}/verify`, { level: 'data' });
    const { body } = await backup.call<CleanupResult>('POST', '/api/backup/cleanup', {});
    const verdict = body.items.find(({ backup_id }) => backup_id === good.backup_id);
    expect(verdict).toMatchObject({ stays: true, reasons: ['newest_good', 'newest_of_kind', 'hourly'] });
  });
});
