import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { SourceConfig } from '@holdfast/contracts/config';
import type { RestoreResult } from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import type { ReadPass } from '@holdfast/repository/api';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from '../src/adapters/engine.ts';
import { type Booted, boot, facts, type Place, place } from './support/booted.ts';
import { openRealRepository, type PassHook, watchPasses } from './support/real-repository.ts';

type Items = { items: BackupManifest[] };

let at: Place;
let held: AsyncDisposableStack;

beforeEach(() => {
  at = place();
  held = new AsyncDisposableStack();
  for (const name of ['one', 'two', 'three']) {
    for (let n = 0; n < 20; n += 1) at.write(`${name}/${n}.json`, JSON.stringify({ name, n }));
  }
});
afterEach(async () => {
  await held.disposeAsync();
  at[Symbol.dispose]();
});

/** The real engine, with a look at each pass before the service has it. */
async function engine(onPass: PassHook = () => undefined): Promise<Engine> {
  return watchPasses(held.use(await openRealRepository(at)), onPass);
}

const sourceOf = (name: string, more: Partial<SourceConfig> = {}): Partial<SourceConfig> => ({
  root: join(at.root, name),
  backup_frequency: 'monthly',
  ...more,
});
const THREE = () => Object.fromEntries(['one', 'two', 'three'].map((name) => [name, sourceOf(name)]));

async function booted(options: { repository: Engine; sources?: Record<string, Partial<SourceConfig>> }) {
  const backup = await boot(at, { sources: THREE(), ...options });
  held.use(backup);
  await backup.created(Object.keys(options.sources ?? THREE()).length);
  return backup;
}

const snapshot = async (backup: Booted, sources?: string[]) => {
  const body = { type: 'snapshot', wait: true, ...(sources && { sources }) };
  const reply = await backup.call<Items>('POST', '/api/backup', body);
  expect(reply.status).toBe(201);
  return reply.body.items;
};

async function contentIn(backup: Booted, id: string | undefined, path: string): Promise<string> {
  const target_path = join(at.root, '..', `restored-${id}`);
  const { status } = await backup.call('POST', '/api/backup/restore', { backup_id: id, target_path });
  expect(status).toBe(200);
  return readFileSync(join(target_path, path), 'utf8');
}

describe('a snapshot of several sources', () => {
  test('is as of one moment: what changed in one of them while another was read is read again', async () => {
    let late = 0;
    const repository = await engine((source, { number }) => {
      // A writer that goes from source to source, as a deployment would.
      if (number > 2 || source === 'three') return;
      late += 1;
      at.write('three/0.json', `written by ${source}, ${late}`);
    });
    const backup = await booted({ repository });
    const items = await snapshot(backup);
    expect(items.map(({ moment }) => moment?.settled)).toEqual([true, true, true]);
    expect(new Set(items.map(({ moment }) => `${moment?.group_id} ${moment?.at}`)).size).toBe(1);
    expect(items[0]?.moment).toMatchObject({
      sources: ['one', 'three', 'two'],
      how: 'unchanged_files',
      changing: [],
    });
    expect(items[0]?.moment?.passes).toBeGreaterThanOrEqual(3);
    expect(items.every(({ timestamp, moment }) => timestamp === moment?.at)).toBe(true);
    const three = items.find(({ sources }) => sources[0]?.source === 'three');
    const content = await contentIn(backup, three?.backup_id, join(at.root, 'three/0.json'));
    expect(content).toBe(readFileSync(join(at.root, 'three/0.json'), 'utf8'));
    expect(content).toMatch(/, 4$/);
  });

  test('says so where a file never stands still', async () => {
    let count = 0;
    const log = join(at.root, 'two/app.log');
    const repository = await engine((source) => {
      if (source === 'two') writeFileSync(log, `line ${count++}`);
    });
    const backup = await booted({ repository });
    const items = await snapshot(backup);
    const two = items.find(({ sources }) => sources[0]?.source === 'two');
    expect(two?.moment).toMatchObject({ settled: false, passes: 9, changing: expect.arrayContaining([log]) });
    expect(items.map(({ moment }) => moment?.settled)).toEqual([false, false, false]);
    const target_path = join(at.root, '../all');
    const group = two?.moment?.group_id;
    const { body } = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
      backup_id: group,
      target_path,
    });
    expect(body).toMatchObject({ one_moment: false, files_restored: 61 });
  });

  test('is listed and restored as one', async () => {
    const backup = await booted({ repository: await engine() });
    const items = await snapshot(backup);
    await snapshot(backup, ['two']);
    const group = items[0]?.moment?.group_id ?? '';
    expect(group).toMatch(/^snapshot_\d{8}_\d{6}$/);
    const list = await backup.call<Items>('GET', `/api/backup?group=${group}`);
    expect(list.body.items.map(({ backup_id }) => backup_id).sort()).toEqual(
      items.map(({ backup_id }) => backup_id).sort(),
    );
    const target_path = join(at.root, '../all');
    const restored = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
      backup_id: group,
      target_path,
    });
    expect(restored.body).toMatchObject({
      files_restored: 60,
      failed: [],
      verified: true,
      one_moment: true,
      databases: [],
      missing: [],
    });
    expect(readFileSync(join(target_path, at.root, 'three/7.json'), 'utf8')).toBe('{"name":"three","n":7}');
    expect(await backup.told('BackupRestored')).toHaveLength(3);
    const other = await backup.call('POST', '/api/backup/restore', {
      backup_id: 'snapshot_20200101_000000',
      target_path,
    });
    expect(other.status).toBe(404);
  });

  test('goes on without a source that fails, and that one says that it has a moment of its own', async () => {
    const flag = join(at.root, '../broken');
    writeFileSync(flag, '');
    const pre = [{ run: `test ! -e ${flag}`, name: 'check' }];
    const sources = { ...THREE(), two: sourceOf('two', { hooks: { pre, post: [] } } as never) };
    rmSync(flag);
    const backup = await booted({ repository: await engine(), sources });
    writeFileSync(flag, '');
    const reply = backup.call<Items>('POST', '/api/backup', { type: 'snapshot', wait: true });
    await eventually(async () => (await backup.told('BackupFailed')).length > 0);
    rmSync(flag);
    const { items } = (await reply).body;
    const momentOf = (name: string) => items.find(({ sources: [one] }) => one?.source === name)?.moment;
    expect(momentOf('one')).toMatchObject({ settled: true, sources: ['one', 'three'] });
    expect(momentOf('two')).toMatchObject({ settled: true, sources: ['two'] });
    expect(momentOf('two')?.group_id).toBe(momentOf('one')?.group_id);
  });

  test('keeps no on-change backup of another source waiting', async () => {
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const inner = await engine();
    const repository: Engine = {
      ...inner,
      backup: async (request) => {
        const settle = request.settle;
        if (request.source !== 'one' || settle === undefined) return inner.backup(request);
        const held_up = async (pass: ReadPass) => {
          reached.resolve();
          await go.promise;
          return settle(pass);
        };
        return inner.backup({ ...request, settle: held_up });
      },
    };
    const sources = { one: sourceOf('one'), two: sourceOf('two', { priority: 'critical' }) };
    const backup = await booted({ repository, sources });
    const making = snapshot(backup, ['one']);
    await reached.promise;
    const path = at.write('two/0.json', 'edited');
    await backup.tell('FileModified', facts(path, 'two'), path);
    const manifests = await backup.created(3);
    expect(manifests.at(-1)).toMatchObject({ reason: 'on_change', files_changed: 1 });
    go.resolve();
    await making;
  });
});

/** Freezes by a copy, as `cp --reflink` would. */
function copyingVolume(more: object = {}) {
  const path = join(at.root, '../frozen-{id}');
  return {
    volume_snapshot: {
      volume: at.root,
      path,
      create: `cp -a ${at.root} ${path} && echo {id} >> ${at.root}/../created`,
      release: ['rm', '-rf', path],
      ...more,
    },
  } as never;
}
const frozenCopies = () => readdirSync(join(at.root, '..')).filter((name) => name.startsWith('frozen-'));

describe('a frozen volume', () => {
  test('is read in place of what stands there, and released', async () => {
    let seen: string[] = [];
    const inner = await engine();
    const repository: Engine = {
      ...inner,
      backup: (request) => {
        if (request.read_at !== undefined) {
          seen = frozenCopies();
          at.write('one/0.json', 'too late');
        }
        return inner.backup(request);
      },
    };
    const backup = await booted({
      repository,
      sources: { one: sourceOf('one', copyingVolume()), two: sourceOf('two') },
    });
    const items = await snapshot(backup);
    const one = items.find(({ sources }) => sources[0]?.source === 'one');
    expect(one?.moment).toMatchObject({ how: 'volume_snapshot', settled: true, sources: ['one', 'two'] });
    expect(seen).toHaveLength(1);
    expect(frozenCopies()).toEqual([]);
    const path = join(at.root, 'one/0.json');
    expect(await contentIn(backup, one?.backup_id, path)).toBe('{"name":"one","n":0}');
  });

  test('that a kill left behind is released at the next start', async () => {
    const [events, inner] = [createMemoryStore(), await engine()];
    const [reading, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    const repository: Engine = {
      ...inner,
      backup: (request) => {
        if (request.read_at === undefined) return inner.backup(request);
        reading.resolve();
        return dead.promise;
      },
    };
    const sources = { one: sourceOf('one', copyingVolume()) };
    const first = await boot(at, { events, repository, sources });
    await first.created(1);
    await first.call('POST', '/api/backup', { type: 'snapshot' });
    await reading.promise;
    const [left] = frozenCopies();
    expect(left).toBeDefined();
    // The process is gone: nothing of it is closed, and nothing of it goes on.
    {
      await using again = await boot(at, { events, repository: inner, sources });
      const manifests = await again.created(2);
      expect(manifests.at(-1)?.moment).toMatchObject({ how: 'volume_snapshot', settled: true });
      await eventually(() => frozenCopies().length === 0, { what: 'both are released' });
    }
    dead.reject(new Error('the end of the test'));
    await first[Symbol.asyncDispose]();
  });

  test('that cannot be released is told by health, and tried again', async () => {
    const stuck = join(at.root, '../stuck');
    const path = join(at.root, '../frozen-{id}');
    const volume = copyingVolume({ release: `test ! -e ${stuck} && rm -rf ${path}` });
    const backup = await booted({ repository: await engine(), sources: { one: sourceOf('one', volume) } });
    writeFileSync(stuck, '');
    await snapshot(backup);
    type Health = { sources: { status: string; detail: string }[] };
    const { body } = await backup.call<Health>('GET', '/api/backup/health');
    expect(body.sources[0]?.detail).toMatch(
      /^the volume snapshot hf[0-9a-f]{8} could not be released: exit code 1$/,
    );
    rmSync(stuck);
    await snapshot(backup);
    expect(frozenCopies()).toEqual([]);
  });

  test('must not lie in what is backed up', async () => {
    const volume = copyingVolume({ path: join(at.root, 'one/frozen-{id}') });
    const backup = await booted({ repository: await engine(), sources: { one: sourceOf('one', volume) } });
    await backup.call('POST', '/api/backup', { type: 'snapshot' });
    const [failed] = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failed?.data.error).toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/lies in what/),
    });
  });

  test('that cannot be made fails the backup, and leaves nothing', async () => {
    const volume = copyingVolume({ create: `mkdir ${join(at.root, '../frozen-{id}')}; exit 5` });
    const backup = await booted({ repository: await engine(), sources: { one: sourceOf('one', volume) } });
    await backup.call('POST', '/api/backup', { type: 'snapshot' });
    const [failed] = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failed?.data.error).toEqual({
      code: 'volume_snapshot_failed',
      message: 'one: mkdir failed: exit code 5',
    });
    await eventually(() => frozenCopies().length === 0);
    expect(existsSync(join(at.root, 'one/0.json'))).toBe(true);
  });
});
