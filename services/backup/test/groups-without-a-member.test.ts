import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { BackupRunView, CreatedBackups } from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import type { BackupRequest } from '@holdfast/repository/api';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Engine } from '../src/adapters/engine.ts';
import { boot, type Place, place } from './support/booted.ts';
import { openRealRepository } from './support/real-repository.ts';

type Runs = { items: BackupRunView[] };

let at: Place;
let held: AsyncDisposableStack;
/** What is done before the real engine begins; a test may keep it from that. */
let before: (request: BackupRequest) => Promise<unknown> = async () => undefined;

beforeEach(() => {
  at = place();
  held = new AsyncDisposableStack();
  before = async () => undefined;
  for (const name of ['one', 'two']) at.write(`${name}/file`, name);
});
afterEach(async () => {
  await held.disposeAsync();
  at[Symbol.dispose]();
});

async function engine(): Promise<Engine> {
  const repository = held.use(await openRealRepository(at));
  const backup: Engine['backup'] = async (request) => {
    await before(request);
    return repository.backup(request);
  };
  return { ...repository, backup };
}

const sourceOf = (name: string) => ({ root: join(at.root, name), backup_frequency: 'monthly' as const });

test('one that is cancelled before it began is waited for no more', async () => {
  const sources = { one: sourceOf('one'), two: sourceOf('two') };
  const backup = held.use(await boot(at, { repository: await engine(), sources }));
  await backup.created(2);
  const [busy, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  held.defer(() => free.resolve());
  before = async ({ source, settle }) => {
    if (source !== 'two' || settle !== undefined) return;
    busy.resolve();
    await free.promise;
  };
  await backup.call('POST', '/api/backup', { type: 'full', sources: ['two'] });
  await busy.promise;
  const { items } = (await backup.call<Runs>('POST', '/api/backup', { type: 'snapshot' })).body;
  const idOf = (name: string) => items.find(({ source }) => source === name)?.backup_id;
  await eventually(async () =>
    (await backup.told('BackupStarted')).some(({ subject }) => subject === idOf('one')),
  );
  expect((await backup.call('POST', `/api/backup/${idOf('two')}/cancel`)).status).toBe(200);
  const made = await backup.created(3);
  expect(made.at(-1)?.moment).toMatchObject({ sources: ['one'], settled: true });
  free.resolve();
  await backup.created(4);

  // What is restored of the group says what it lacks.
  const group = made.at(-1)?.moment?.group_id ?? '';
  const target_path = join(at.root, '../back');
  const restored = await backup.call('POST', '/api/backup/restore', { backup_id: group, target_path });
  expect(restored.body).toMatchObject({
    files_restored: 1,
    missing: [{ source: 'two', reason: 'its backup was cancelled' }],
  });
});

test('one that was removed since is named by a restore', async () => {
  const sources = { one: sourceOf('one'), two: sourceOf('two') };
  const backup = held.use(await boot(at, { repository: await engine(), sources }));
  await backup.created(2);
  const body = { type: 'snapshot', wait: true };
  const { items } = (await backup.call<CreatedBackups>('POST', '/api/backup', body)).body;
  // The newest good one of a source is never removed.
  await backup.call('POST', '/api/backup', { type: 'full', wait: true });
  const two = items.find(({ sources: [one] }) => one?.source === 'two')?.backup_id;
  const path = `/api/backup/${two}`;
  expect((await backup.call('DELETE', path)).status).toBeLessThan(300);
  const target_path = join(at.root, '../back');
  const wanted = { backup_id: items[0]?.moment?.group_id, target_path };
  expect((await backup.call('POST', '/api/backup/restore', wanted)).body).toMatchObject({
    files_restored: 1,
    missing: [{ source: 'two', reason: 'its backup was removed' }],
  });
});

test('one that fails does not hide those that were made', async () => {
  const sources = { one: sourceOf('one'), two: sourceOf('two') };
  const backup = held.use(await boot(at, { repository: await engine(), sources }));
  await backup.created(2);
  before = async ({ source }) => {
    if (source === 'one') throw new HoldfastError('storage_full', 'no room');
  };
  const body = { type: 'full', wait: true };
  const reply = await backup.call<CreatedBackups>('POST', '/api/backup', body);
  expect(reply.status).toBe(201);
  expect(reply.body).toMatchObject({
    sources: [{ source: 'two' }],
    items: [{ sources: [{ source: 'two' }] }],
    failed: [{ source: 'one', code: 'storage_full', message: expect.stringContaining('no room') }],
  });
  const none = await backup.call<{ code: string }>('POST', '/api/backup', { ...body, sources: ['one'] });
  expect(none).toMatchObject({ status: 507, body: { code: 'storage_full' } });
});

test('one whose source the configuration has no more is cancelled at start', async () => {
  const [events, repository] = [createMemoryStore(), await engine()];
  const sources = { one: sourceOf('one'), two: sourceOf('two') };
  const first = await boot(at, { events, repository, sources });
  await first.created(2);
  const dead = Promise.withResolvers<never>();
  let begun = 0;
  before = () => {
    begun += 1;
    return dead.promise;
  };
  await first.call('POST', '/api/backup', { type: 'snapshot' });
  await eventually(() => begun === 2);
  // The process is gone: nothing of it is closed, and nothing of it goes on.
  before = async () => undefined;
  {
    await using again = await boot(at, { events, repository, sources: { one: sources.one } });
    const made: BackupManifest[] = await again.created(3);
    expect(made.at(-1)?.moment).toMatchObject({ sources: ['one'], settled: true });
    const cancelled = await again.told('BackupCancelled');
    expect(cancelled.map(({ data, actor }) => [data.sources, actor])).toEqual([[['two'], 'holdfast']]);
  }
  dead.reject(new Error('the end of the test'));
  await first[Symbol.asyncDispose]();
});
