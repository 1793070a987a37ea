import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { CleanupResult, ListedBackup } from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { type Booted, type BootOptions, boot, facts, loss, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-07-15T00:30:00.000Z');
const rotation = { hourly: { keep_count: 3 }, daily: { keep_count: 2 } };
/** Nothing is due by itself meanwhile, and the service cleans up only when it is asked. */
const quiet: BootOptions['yaml'] = {
  time_zone: 'UTC',
  rotation,
  storage: { tiers: { hot: { auto_cleanup: false } } },
};
const sourcesAt = (root: string) => ({ bmc: { root, backup_frequency: 'monthly' as const } });

/** One backup an hour; ids, oldest first. */
async function hourly(backup: Booted, advance: (ms: number) => void, count: number): Promise<string[]> {
  const [first] = await backup.created(1);
  const ids = [first?.backup_id ?? ''];
  for (let made = 1; made < count; made++) {
    advance(HOUR);
    const reply = await backup.call<BackupManifest>('POST', '/api/backup', { wait: true });
    ids.push(reply.body.backup_id);
  }
  return ids;
}

async function listed(backup: Booted, query = ''): Promise<string[]> {
  const page = await backup.call<{ items: ListedBackup[] }>('GET', `/api/backup?sort=timestamp_asc${query}`);
  return page.body.items.map(({ backup_id }) => backup_id);
}

const cleanUp = (backup: Booted, body?: object) =>
  backup.call<CleanupResult & { code: string }>('POST', '/api/backup/cleanup', body);

async function withBackups(
  count: number,
  check: (backup: Booted, ids: string[], repository: ReturnType<typeof memoryRepository>) => Promise<void>,
): Promise<void> {
  using at = place();
  at.write('a.json', '{"a":1}');
  const clock = fakeClock(START);
  const repository = memoryRepository();
  await using backup = await boot(at, {
    repository,
    sources: sourcesAt(at.root),
    yaml: quiet,
    overrides: { clock },
  });
  await check(backup, await hourly(backup, clock.advance, count), repository);
}

describe('backupRotation', () => {
  test('creates multiple backups over time, runs cleanup, the right ones are retained', () =>
    withBackups(30, async (backup, ids, repository) => {
      const dry = await cleanUp(backup, { dry_run: true });
      expect(dry.body).toMatchObject({ dry_run: true, kept: 4, removed: 26 });
      expect(await listed(backup)).toEqual(ids);

      const { body } = await cleanUp(backup);
      // The last three hours of the 16th, and the last of the 15th.
      const kept = [ids[23], ...ids.slice(-3)];
      expect(await listed(backup)).toEqual(kept);
      expect(
        body.items
          .filter(({ stays }) => stays)
          .map(({ backup_id }) => backup_id)
          .sort(),
      ).toEqual(kept);
      expect(body.items.find(({ backup_id }) => backup_id === ids[0])?.reasons).toEqual(['not_in_rotation']);
      expect(await repository.snapshots()).toHaveLength(4);
      expect(repository.prunes).toBe(1);

      const deleted = await backup.told('BackupDeleted');
      const [applied] = await backup.told('RetentionApplied');
      expect(deleted.map(({ data }) => data.backup_id).sort()).toEqual(
        ids.filter((id) => !kept.includes(id)),
      );
      expect(applied?.data).toMatchObject({ kept: 4, removed: 26, reason: 'request' });
      expect(new Set(deleted.map(({ correlationid }) => correlationid))).toEqual(
        new Set([applied?.correlationid]),
      );
      expect((await cleanUp(backup)).body).toMatchObject({ kept: 4, removed: 0 });
    }));

  test('runs by itself after backups, at most once an hour', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const clock = fakeClock(START);
    await using backup = await boot(at, {
      repository: memoryRepository(),
      sources: sourcesAt(at.root),
      yaml: { time_zone: 'UTC', rotation: { hourly: { keep_count: 2 } } },
      overrides: { clock },
    });
    const ids = await hourly(backup, clock.advance, 6);
    await eventually(async () => (await backup.told('RetentionApplied')).length === 4);
    expect(await listed(backup)).toEqual(ids.slice(-2));
    expect((await backup.told('RetentionApplied')).every(({ data }) => data.reason === 'schedule')).toBe(
      true,
    );
    await backup.call('POST', '/api/backup', { wait: true });
    // Nothing of the hour was removed, though only its newest will stay.
    expect(await listed(backup)).toHaveLength(3);
  });

  test('is for admins', () =>
    withBackups(1, async (backup, [id]) => {
      const asked = await Promise.all([
        backup.call('POST', '/api/backup/cleanup', {}, 'backup_operator'),
        backup.call('DELETE', `/api/backup/${id}`, undefined, 'backup_operator'),
        backup.call('POST', `/api/backup/${id}/hold`, { reason: 'x' }, 'backup_operator'),
        backup.call('DELETE', `/api/backup/${id}/hold`, undefined, 'backup_operator'),
      ]);
      expect(asked.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    }));
});

describe('a hold', () => {
  test('keeps a backup from rotation and from deletion, until it is released', () =>
    withBackups(6, async (backup, ids) => {
      const [id] = ids;
      const held = await backup.call('POST', `/api/backup/${id}/hold`, { reason: 'audit 2026' });
      expect(held.body).toMatchObject({ reason: 'audit 2026', until: null });
      await cleanUp(backup);
      expect(await listed(backup)).toEqual([id, ...ids.slice(-3)]);
      const refused = await backup.call<{ detail: string }>('DELETE', `/api/backup/${id}`);
      expect(refused.status).toBe(409);
      expect(refused.body.detail).toContain('is held');
      const shown = await backup.call<ListedBackup>('GET', `/api/backup/${id}`);
      expect(shown.body.hold?.reason).toBe('audit 2026');

      expect((await backup.call('DELETE', `/api/backup/${id}/hold`)).status).toBe(204);
      expect((await backup.call('DELETE', `/api/backup/${id}/hold`)).status).toBe(404);
      await cleanUp(backup);
      expect(await listed(backup)).toEqual(ids.slice(-3));
      expect((await backup.told('BackupHoldReleased')).map(({ data }) => data.backup_id)).toEqual([id]);
    }));

  test('with an end in the past is refused', () =>
    withBackups(6, async (backup, [id]) => {
      const until = new Date(START + 6 * HOUR).toISOString();
      const past = new Date(START).toISOString();
      const reply = await backup.call<{ code: string }>('POST', `/api/backup/${id}/hold`, {
        reason: 'x',
        until: past,
      });
      expect(reply.body.code).toBe('bad_request');
      await backup.call('POST', `/api/backup/${id}/hold`, { reason: 'x', until });
      expect((await cleanUp(backup)).body.items.find(({ backup_id }) => backup_id === id)?.reasons).toEqual([
        'held',
      ]);
    }));

  test('is known again when the database was lost', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const options = { events, repository, sources: sourcesAt(at.root), yaml: quiet };
    let id = '';
    {
      await using first = await boot(at, options);
      [id = ''] = (await first.created(1)).map(({ backup_id }) => backup_id);
      await first.call('POST', `/api/backup/${id}/hold`, { reason: 'audit' });
    }
    using other = place();
    await using again = await boot(other, options);
    expect((await again.call<ListedBackup>('GET', `/api/backup/${id}`)).body.hold?.reason).toBe('audit');
  });
});

describe('DELETE of one backup', () => {
  test('removes it, tells of it, and frees space', () =>
    withBackups(3, async (backup, ids, repository) => {
      expect((await backup.call('DELETE', `/api/backup/${ids[1]}`)).status).toBe(204);
      expect(await listed(backup)).toEqual([ids[0], ids[2]]);
      expect((await backup.call('GET', `/api/backup/${ids[1]}`)).status).toBe(404);
      expect((await backup.call('DELETE', `/api/backup/${ids[1]}`)).status).toBe(404);
      expect((await backup.told('BackupDeleted')).map(({ data }) => data)).toMatchObject([
        { backup_id: ids[1], reason: 'request' },
      ]);
      await eventually(() => repository.prunes === 1);
    }));

  test('refuses the newest good one', () =>
    withBackups(2, async (backup, ids) => {
      expect((await backup.call('DELETE', `/api/backup/${ids[1]}`)).status).toBe(409);
      expect((await backup.call('DELETE', `/api/backup/${ids[0]}`)).status).toBe(204);
      expect((await backup.call('DELETE', `/api/backup/${ids[1]}`)).status).toBe(409);
    }));
});

test('while it is not known which backup an open loss wants, none of its source goes', async () => {
  using at = place();
  const path = at.write('a.json', '{"a":1}');
  const good = facts(path);
  const clock = fakeClock(START);
  const repository = memoryRepository();
  await using backup = await boot(at, {
    repository,
    sources: sourcesAt(at.root),
    yaml: quiet,
    overrides: { clock },
  });
  const ids = await hourly(backup, clock.advance, 6);
  await backup.tell(
    'FileDeleted',
    { ...loss(path, good), detected_at: new Date(clock.now_ms()).toISOString() },
    path,
  );
  const health = () => backup.call<{ open_cases: number }>('GET', '/api/backup/health');
  await eventually(async () => (await health()).body.open_cases === 1);
  const { body } = await cleanUp(backup);
  expect(body.removed).toBe(0);
  expect(body.items.find(({ backup_id }) => backup_id === ids[0])?.reasons).toEqual(['loss_open']);
  expect((await backup.call('DELETE', `/api/backup/${ids[0]}`)).status).toBe(409);

  // It is looked up: the newest backup holds the very bytes.
  clock.advance(10_000);
  await eventually(async () => (await cleanUp(backup, { dry_run: true })).body.removed > 0);
});

describe('a removal that is cut off', () => {
  test('by a crash after the engine had done it: told once, at the next start', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const clock = fakeClock(START);
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const options = { events, repository, sources: sourcesAt(at.root), yaml: quiet, overrides: { clock } };
    const first = await boot(at, options);
    const ids = await hourly(first, clock.advance, 6);
    const [forgotten, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    repository.onForgotten = () => {
      forgotten.resolve();
      return dead.promise;
    };
    const lost = cleanUp(first);
    await forgotten.promise;
    expect(await first.told('BackupDeleted')).toEqual([]);
    repository.onForgotten = () => undefined;

    for (let restart = 0; restart < 2; restart++) {
      await using again = await boot(at, options);
      await eventually(async () => (await again.told('BackupDeleted')).length >= 3);
      expect(await listed(again)).toEqual(ids.slice(-3));
    }
    expect((await first.told('BackupDeleted')).map(({ data }) => data.backup_id).sort()).toEqual(
      ids.slice(0, 3),
    );
    dead.reject(new Error('the end of the test'));
    await lost;
    await first[Symbol.asyncDispose]();
  });

  test('by the engine: said, nothing told, and done by the next cleanup', () =>
    withBackups(6, async (backup, ids, repository) => {
      const { forget } = repository;
      repository.forget = async () => {
        throw Object.assign(new Error('no'), { code: 'ENOSPC' });
      };
      expect((await cleanUp(backup)).body.code).toBe('storage_full');
      expect(await backup.told('BackupDeleted')).toEqual([]);
      repository.forget = forget;
      await cleanUp(backup);
      expect(await backup.told('BackupDeleted')).toHaveLength(3);
      expect(await repository.snapshots()).toHaveLength(3);
      expect(await listed(backup)).toEqual(ids.slice(-3));
    }));

  test('and of which a loss wants the version meanwhile: that one stays after all', async () => {
    using at = place();
    const path = at.write('a.json', '{"a":1}');
    const good = facts(path);
    const clock = fakeClock(START);
    const repository = memoryRepository();
    const given = { repository, sources: sourcesAt(at.root), yaml: quiet, overrides: { clock } };
    await using backup = await boot(at, given);
    const [first] = await hourly(backup, clock.advance, 1);
    at.write('a.json', '{"a":2}');
    for (let hour = 0; hour < 5; hour++) {
      clock.advance(HOUR);
      await backup.call('POST', '/api/backup', { wait: true });
    }
    const { forget } = repository;
    repository.forget = () => Promise.reject(new Error('away'));
    await cleanUp(backup);
    repository.forget = forget;
    expect(await listed(backup)).not.toContain(first);

    const detected_at = new Date(clock.now_ms()).toISOString();
    await backup.tell('FileDeleted', { ...loss(path, good), detected_at }, path);
    const pinned = async () =>
      (await backup.call<{ pins: { exact: boolean | null }[] }>('GET', '/api/backup/health')).body.pins;
    await eventually(async () => (await pinned()).length === 1);
    await eventually(async () => {
      clock.advance(10_000);
      return (await pinned())[0]?.exact === true;
    });
    await cleanUp(backup);
    expect(await listed(backup)).toContain(first);
  });
});

test('lists are narrowed by time and tier', () =>
  withBackups(6, async (backup, ids) => {
    const at = (hours: number) => encodeURIComponent(new Date(START + hours * HOUR).toISOString());
    expect(await listed(backup, `&after=${at(2)}&before=${at(4)}`)).toEqual(ids.slice(2, 4));
    expect(await listed(backup, '&after=2026-07-15&before=2026-07-16')).toEqual(ids);
    expect(await listed(backup, '&filter=last_2_hours')).toEqual(ids.slice(-3));
    expect(await listed(backup, '&tier=hot')).toEqual(ids);
    expect(await listed(backup, '&tier=cold')).toEqual([]);
  }));

describe('what is removed from the repository beside the service', () => {
  test('is told once, with the reason, and leaves the list; also across a restart', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const clock = fakeClock(START);
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const options = {
      ...{ events, repository, sources: sourcesAt(at.root), yaml: quiet, overrides: { clock } },
    };
    let ids: string[] = [];
    const forget = async (count: number) => {
      const oldest = (await repository.snapshots()).slice(-count);
      await repository.forget(oldest.map(({ id }) => id));
    };
    {
      await using backup = await boot(at, options);
      ids = await hourly(backup, clock.advance, 5);
      await forget(1);
      clock.advance(HOUR / 2);
      await eventually(async () => (await listed(backup)).length === 4);
      await forget(2);
    }
    await using again = await boot(at, options);
    expect(await listed(again)).toEqual(ids.slice(3));
    clock.advance(HOUR / 2);
    await again.call('POST', '/api/backup', { wait: true });
    const told = await again.told('BackupDeleted');
    expect(told.map(({ data }) => [data.backup_id, data.reason]).sort()).toEqual(
      ids.slice(0, 3).map((id) => [id, 'not_in_repository']),
    );
    expect(new Set(told.map(({ id }) => id)).size).toBe(3);
  });

  test('and comes back is in the list again after a start', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const options = { events, repository, sources: sourcesAt(at.root), yaml: quiet };
    const standing = repository.snapshots;
    const start = async () => {
      await using backup = await boot(at, options);
      return await listed(backup);
    };
    {
      await using first = await boot(at, options);
      await first.created(1);
    }
    const [id] = await start();
    repository.snapshots = async () => [];
    // None is left: one is made at once, which is not that one.
    expect(await start()).not.toContain(id);
    repository.snapshots = standing;
    expect(await start()).toContain(id);
  });

  test('where nothing is there at all, nothing is told: the disk comes back', () =>
    withBackups(2, async (backup, ids, repository) => {
      const hidden = repository.snapshots;
      repository.snapshots = async () => [];
      (backup.context.clock as ReturnType<typeof fakeClock>).advance(HOUR / 2);
      await backup.call('POST', '/api/backup', { wait: true });
      repository.snapshots = hidden;
      expect(await listed(backup)).toEqual([...ids, expect.any(String)]);
    }));
});
