import { rmSync } from 'node:fs';
import { HoldfastError } from '@holdfast/contracts/errors';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { boot, facts, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

describe('a crash', () => {
  test('between commit and event: told once after the restart, and not again after the next', async () => {
    using at = place();
    const path = at.write('a.json', '{"a":1}');
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    const first = await boot(at, { events, repository });
    await first.created(1);
    const [committed, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    repository.onCommitted = () => {
      committed.resolve();
      return dead.promise;
    };
    at.write('a.json', '{"a":2}');
    await first.tell('FileModified', facts(path), path);
    await committed.promise;
    repository.onCommitted = () => undefined;
    // The process is gone: nothing of it is closed, and nothing of it goes on.
    expect(await first.told('BackupCreated')).toHaveLength(1);

    for (let restart = 0; restart < 2; restart++) {
      await using again = await boot(at, { events, repository });
      await again.created(2);
      const other = at.write(`other-${restart}.json`, '{}');
      await again.tell('FileRegistered', facts(other), other);
      await again.created(3 + restart);
    }
    const told = await first.told('BackupCreated');
    const snapshots = await repository.snapshots();
    expect(told.map(({ data }) => data.manifest.snapshot_id).sort()).toEqual(
      snapshots.map(({ id }) => id).sort(),
    );
    dead.reject(new Error('the end of the test'));
    await first[Symbol.asyncDispose]();
  });

  test('that took the database: the catalog is filled again from the history, nothing is told twice', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const [events, repository] = [createMemoryStore(), memoryRepository()];
    {
      await using first = await boot(at, { events, repository });
      const [manifest] = await first.created(1);
      await first.call('POST', `/api/backup/${manifest?.backup_id}/verify`, { level: 'restore' });
    }
    rmSync(`${at.data_dir}/backup`, { recursive: true });
    await using again = await boot(at, { events, repository });
    const list = await again.call<{ items: { validation: object }[] }>('GET', '/api/backup');
    expect(list.body.items).toHaveLength(1);
    expect(list.body.items[0]?.validation).toMatchObject({
      integrity_check: 'passed',
      restore_test: 'passed',
    });
    expect(await again.told('BackupCreated')).toHaveLength(1);
  });
});

describe('a failure', () => {
  test('is told, and the backup is made when it can be', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    let failures = 1;
    repository.onBackup = () => {
      failures -= 1;
      if (failures >= 0) throw new HoldfastError('storage_failed', 'the store says no');
    };
    await using backup = await boot(at, { repository });
    const [manifest] = await backup.created(1);
    const [failed] = await backup.told('BackupFailed');
    expect(failed?.data).toMatchObject({
      backup_id: manifest?.backup_id,
      attempt: 1,
      error: { code: 'storage_failed', message: 'the store says no' },
    });
  });

  test('of a run that then finds nothing changed ends with a backup all the same: it is told by that', async () => {
    using at = place();
    const path = at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    await using backup = await boot(at, { repository });
    await backup.created(1);
    repository.onBackup = () => {
      repository.onBackup = () => undefined;
      throw new HoldfastError('storage_failed', 'the store says no');
    };
    await backup.tell('FileModified', facts(path), path);
    const [, second] = await backup.created(2);
    expect(second).toMatchObject({ reason: 'on_change', files_changed: 0 });
  });

  test('of a snapshot whose outcome was not known: it is found, not made twice', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    repository.onCommitted = () => {
      repository.onCommitted = () => undefined;
      throw new HoldfastError('storage_failed', 'no answer came');
    };
    await using backup = await boot(at, { repository });
    await backup.created(1);
    expect(await repository.snapshots()).toHaveLength(1);
  });

  test('full storage is told with its code, and a person does not wait for space', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    await using backup = await boot(at, { repository });
    await backup.created(1);
    repository.onBackup = () => {
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    };
    const reply = await backup.call<{ code: string }>('POST', '/api/backup', { type: 'full', wait: true });
    expect([reply.status, reply.body.code]).toEqual([507, 'storage_full']);
    expect((await backup.told('BackupFailed')).map(({ data }) => data.error.code)).toEqual(['storage_full']);
  });

  test('to read one file: it is named, the rest is backed up', async () => {
    using at = place();
    const path = at.write('secret.json', '{}');
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    repository.unreadable.add(path);
    await using backup = await boot(at, { repository });
    const [manifest] = await backup.created(1);
    expect(manifest?.files_unreadable).toMatchObject([{ path, reason: expect.stringContaining('EACCES') }]);
    expect(manifest?.sources[0]?.files_backed_up).toBe(1);
  });

  test('a folder that is not there becomes no empty backup', async () => {
    using at = place();
    rmSync(at.root, { recursive: true });
    const repository = memoryRepository();
    await using backup = await boot(at, { repository });
    const [failed] = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failed?.data.error.code).toBe('source_unreadable');
    expect(await repository.snapshots()).toEqual([]);
    const health = await backup.call<{ status: string; sources: { status: string }[] }>(
      'GET',
      '/api/backup/health',
    );
    expect([health.body.status, health.body.sources[0]?.status]).toEqual(['degraded', 'failing']);
  });
});
