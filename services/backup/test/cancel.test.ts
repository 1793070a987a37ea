import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BackupRunView } from '@holdfast/contracts/http/backup';
import type { BackupRequest } from '@holdfast/repository/api';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { type Booted, boot, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

/** Reads until it is stopped, as the engine does with a large tree. */
const readForEver = ({ signal, on_progress }: BackupRequest) => {
  const { promise, reject } = Promise.withResolvers<void>();
  on_progress?.({ files_done: 7, files_total: null, bytes_done: 70, bytes_total: null });
  signal?.addEventListener('abort', () => reject(signal.reason));
  return promise;
};
const create = (backup: Booted, body: object = {}) =>
  backup.call<BackupRunView & { code: string }>('POST', '/api/backup', body);
const show = async (backup: Booted, id: string) =>
  (await backup.call<BackupRunView>('GET', `/api/backup/${id}`)).body;
const cancel = (backup: Booted, id: string) =>
  backup.call<BackupRunView & { code: string }>(
    'POST',
    `/api/backup/${id}/cancel`,
    undefined,
    'backup_operator',
  );

describe('a backup that is being made', () => {
  test('shows how far it is, is cancelled, and leaves nothing behind', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    await using backup = await boot(at, { repository });
    await backup.created(1);
    repository.onBackup = readForEver;
    const { backup_id } = (await create(backup, { type: 'full' })).body;
    const waited = create(backup, { type: 'full', wait: true });
    await eventually(async () => (await show(backup, backup_id)).progress?.files_done === 7);
    const behind = await eventually(async () =>
      (await backup.told('BackupRequested')).map(({ subject }) => subject).find((id) => id !== backup_id),
    );

    // The one that waits first, then the one that works.
    expect((await cancel(backup, behind)).body).toMatchObject({ backup_id: behind, status: 'cancelled' });
    expect((await waited).body.code).toBe('conflict');
    expect((await cancel(backup, backup_id)).body).toMatchObject({ backup_id, status: 'cancelled' });
    expect((await show(backup, backup_id)).status).toBe('cancelled');
    expect(await repository.snapshots()).toHaveLength(1);
    const told = await backup.told('BackupCancelled');
    expect(told.map(({ subject }) => subject)).toEqual([behind, backup_id]);
    expect(told[0]?.actor).not.toBe('holdfast');
    expect(await backup.told('BackupFailed')).toEqual([]);

    expect((await cancel(backup, backup_id)).status).toBe(404);
    expect((await cancel(backup, 'backup_1')).status).toBe(404);
    const [first] = await backup.created(1);
    expect((await cancel(backup, first?.backup_id ?? '')).body.code).toBe('conflict');
    expect((await backup.call('POST', `/api/backup/${backup_id}/cancel`, undefined, 'viewer')).status).toBe(
      403,
    );
  });

  test('stays cancelled over a restart', async () => {
    using at = place();
    at.write('a.json', '{"a":1}');
    const repository = memoryRepository();
    const sources = { bmc: { root: at.root } };
    let id = '';
    {
      await using backup = await boot(at, { repository, sources });
      await backup.created(1);
      repository.onBackup = readForEver;
      id = (await create(backup)).body.backup_id;
      await eventually(async () => (await show(backup, id)).status === 'running');
      await cancel(backup, id);
    }
    repository.onBackup = () => undefined;
    await using again = await boot(at, { repository, sources });
    expect((await show(again, id)).status).toBe('cancelled');
    expect(repository.requests).toHaveLength(2);
  });
});

test('so many sources are walked at once, the others wait their turn; a change does not wait', async () => {
  using at = place();
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) at.write(`${name}/file`, name);
  const repository = memoryRepository();
  let [now, most] = [0, 0];
  let release = Promise.withResolvers<void>();
  repository.onBackup = async () => {
    most = Math.max(most, ++now);
    await release.promise;
    now -= 1;
  };
  const sources = Object.fromEntries(names.map((name) => [name, { root: `${at.root}/${name}` }]));
  await using backup = await boot(at, { repository, sources });
  await eventually(() => now === 2);
  release.resolve();
  await backup.created(4);
  release = Promise.withResolvers();
  await create(backup);
  await eventually(() => now === 2);
  release.resolve();
  await backup.created(8);
  expect(most).toBe(2);
});

test('a cancellation that a full disk keeps from being noted does not keep the service from stopping', async () => {
  using at = place();
  at.write('a.json', '{"a":1}');
  const repository = memoryRepository();
  const backup = await boot(at, { repository });
  await backup.created(1);
  const stopped = Promise.withResolvers<void>();
  repository.onBackup = (request) => {
    request.signal?.addEventListener('abort', () => stopped.resolve());
    return readForEver(request);
  };
  const { backup_id } = (await create(backup, { type: 'full' })).body;
  await eventually(async () => (await show(backup, backup_id)).progress?.files_done === 7);
  using db = new DatabaseSync(join(at.data_dir, 'backup/backup.sqlite'));
  db.exec(`CREATE TRIGGER full BEFORE INSERT ON runs WHEN new.body LIKE '%cancelled%'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
  // Its answer never comes.
  const cancelled = cancel(backup, backup_id).catch(() => undefined);
  await stopped.promise;
  await backup[Symbol.asyncDispose]();
  await cancelled;
  expect(await backup.told('BackupCancelled')).toEqual([]);
});
