import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { newEvent } from '@holdfast/event-store/new-event';
import type { BackupRequest } from '@holdfast/repository/api';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { boot, facts, HOST, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';
import { HOUR, START } from './support/scheduled.ts';

let held: AsyncDisposableStack;

beforeEach(() => {
  held = new AsyncDisposableStack();
});
afterEach(() => held.disposeAsync());

/** A critical source with one backup, over a clock that a test moves. */
async function critical() {
  const at = held.use(place());
  const path = at.write('a.json', '{"a":1}');
  const [repository, clock] = [memoryRepository(), fakeClock(START)];
  const backup = held.use(await boot(at, { repository, overrides: { clock } }));
  await backup.created(1);
  const edit = async (content: string) => {
    at.write('a.json', content);
    const origin = { host: HOST, service: 'monitor', clock } as const;
    const event = newEvent(origin, 'FileModified', { subject: path, data: facts(path) });
    await backup.context.events.append([event as HoldfastEvent]);
  };
  return { backup, repository, clock, edit };
}

test('a walk that fails keeps no change from its backup', async () => {
  const { backup, repository, clock, edit } = await critical();
  repository.onBackup = ({ changes }) => {
    if (changes === undefined) throw new Error('what is done before a walk fails');
  };
  clock.advance(HOUR);
  await eventually(async () => (await backup.told('BackupFailed')).length === 1);
  await edit('{"a":2}');
  const [, second] = await backup.created(2);
  expect(second).toMatchObject({ reason: 'on_change', files_changed: 1 });
  // The walk is tried again all the same.
  clock.advance(1_000);
  await eventually(async () => (await backup.told('BackupFailed')).length === 2);
  await edit('{"a":3}');
  clock.advance(1_000);
  expect(await backup.created(3)).toHaveLength(3);
});

/** Reads until it is stopped. */
const readForEver = ({ changes, signal }: BackupRequest) => {
  if (changes !== undefined) return;
  const { promise, reject } = Promise.withResolvers<void>();
  signal?.addEventListener('abort', () => reject(signal.reason));
  return promise;
};

test('a walk that was cancelled waits for a minute; what changes and who asks do not', async () => {
  const { backup, repository, clock, edit } = await critical();
  const walks = () => repository.requests.filter(({ changes }) => changes === undefined).length;
  repository.onBackup = readForEver;
  clock.advance(HOUR);
  const id = await eventually(
    async () => walks() === 2 && (await backup.told('BackupStarted')).at(-1)?.subject,
  );
  expect((await backup.call('POST', `/api/backup/${id}/cancel`)).status).toBe(200);
  await edit('{"a":2}');
  await backup.created(2);
  clock.advance(59_000);
  repository.onBackup = () => undefined;
  const made = await backup.call('POST', '/api/backup', { type: 'full', wait: true });
  expect(made.status).toBe(201);
  expect(walks()).toBe(3);
});

test('a change that waits is told as overdue, once, and that it waits no more', async () => {
  const { backup, repository, clock, edit } = await critical();
  repository.onBackup = readForEver;
  clock.advance(HOUR);
  const id = await eventually(async () => (await backup.told('BackupStarted')).at(1)?.subject);
  await edit('{"a":2}');
  type Health = { sources: { pending_changes: number }[] };
  const pending = async () =>
    (await backup.call<Health>('GET', '/api/backup/health')).body.sources[0]?.pending_changes;
  await eventually(async () => (await pending()) === 1);
  clock.advance(5_000);
  clock.advance(5_000);
  expect(await backup.told('BackupOverdue')).toEqual([]);
  for (const _ of [1, 2, 3]) clock.advance(5_000);
  await eventually(async () => (await backup.told('BackupOverdue')).length === 1);
  await backup.call('POST', `/api/backup/${id}/cancel`);
  await backup.created(2);
  clock.advance(5_000);
  const told = await eventually(async () => {
    const events = await backup.told('BackupOverdue');
    return events.length === 2 && events;
  });
  expect(told.map(({ data }) => [data.source, data.schedule, data.cleared_at !== undefined])).toEqual([
    ['bmc', 'on_change', false],
    ['bmc', 'on_change', true],
  ]);
});
