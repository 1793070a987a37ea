import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Booted,
  boot,
  checksumOf,
  facts,
  loss,
  type Place,
  place,
  recovered,
} from './support/booted.ts';
import { type MemoryRepository, memoryRepository } from './support/memory-repository.ts';

let at: Place;
let repository: MemoryRepository;
let backup: Booted;

beforeEach(async () => {
  at = place();
  at.write('a.json', '{"a":1}');
  at.write('data/b.json', '{"b":1}');
  repository = memoryRepository();
  backup = await boot(at, { repository });
  await backup.created(1);
});

afterEach(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

const stored = async (path: string) => {
  const [newest] = await repository.snapshots({ source: 'bmc' });
  return newest && (await repository.find(newest, path))?.checksum;
};

describe('backups on change', () => {
  test('the first backup is made at start, told once, and its manifest is complete', async () => {
    const [first] = await backup.created(1);
    expect(first).toMatchObject({
      backup_type: 'full',
      reason: 'first',
      sources: [{ source: 'bmc', files_backed_up: 2, total_size_bytes: 14, compression: 'zstd' }],
      metadata: { hostname: 'web1', git_commit: null, git_branch: null, system_version: '0.0.0-test' },
      validation: { integrity_check: 'pending' },
      files_new: 2,
      parent_backup_id: null,
    });
    expect(first?.backup_id).toMatch(/^backup_\d{8}_\d{6}_full$/);
    expect((await backup.told('BackupStarted')).map(({ data }) => data.reason)).toEqual(['first']);
  });

  test('an edit is in a backup within a second of its event, and no start is told of it', async () => {
    const path = at.write('a.json', '{"a":2}');
    const started = performance.now();
    const event = await backup.tell('FileModified', facts(path), path);
    const [, second] = await backup.created(2);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(second).toMatchObject({ backup_type: 'incremental', reason: 'on_change', files_changed: 1 });
    expect(await stored(path)).toBe(checksumOf(path));
    expect(repository.requests.at(-1)?.changes).toEqual([path]);
    const [, told] = await backup.told('BackupCreated');
    expect(told?.correlationid).toBe(event.correlationid);
    expect(await backup.told('BackupStarted')).toHaveLength(1);
  });

  test('a storm of edits makes one backup a second, and the last edit is in it', async () => {
    const path = at.write('a.json', '{"a":0}');
    for (let n = 1; n <= 40; n++) {
      writeFileSync(path, `{"a":${n}}`);
      await backup.tell('FileModified', facts(path), path);
    }
    await eventually(async () => (await stored(path)) === checksumOf(path));
    expect((await backup.told('BackupCreated')).length).toBeLessThanOrEqual(4);
  });

  test('an event that changes nothing makes no backup', async () => {
    const path = join(at.root, 'a.json');
    await backup.tell('FileRegistered', facts(path), path);
    await eventually(() => repository.requests.length === 2);
    const other = at.write('c.json', '{"c":1}');
    await backup.tell('FileRegistered', facts(other), other);
    const manifests = await backup.created(2);
    expect(manifests.map(({ files_new }) => files_new)).toEqual([2, 1]);
  });

  test('an edit that cannot be read is told as a failure, keeps no other edit waiting, and is tried again', async () => {
    const [refused, other] = [at.write('a.json', '{"a":2}'), at.write('data/b.json', '{"b":2}')];
    repository.unreadable.add(refused);
    await backup.tell('FileModified', facts(refused), refused);
    await backup.tell('FileModified', facts(other), other);
    const failures = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length >= 2 && told;
    });
    expect(failures[0]?.data).toMatchObject({
      reason: 'on_change',
      attempt: 1,
      error: { code: 'source_unreadable', message: expect.stringContaining(`${refused} changed and cannot`) },
    });
    expect(failures[1]?.data.attempt).toBe(2);
    await eventually(async () => (await stored(other)) === checksumOf(other));
    // One in which its turn has not come says that it is without it: no alert ends by that.
    const third = at.write('c.json', '{}');
    await backup.tell('FileRegistered', facts(third), third);
    await eventually(async () => (await stored(third)) !== undefined);
    const [newest] = (await backup.told('BackupCreated')).toReversed();
    expect(newest?.data.manifest.files_unreadable).toMatchObject([{ path: refused }]);
    repository.unreadable.delete(refused);
    await eventually(async () => (await stored(refused)) === checksumOf(refused), { timeout_ms: 15_000 });
  }, 20_000);

  test('the end of a failure is told, also where the file reads as it did before', async () => {
    const path = join(at.root, 'a.json');
    repository.unreadable.add(path);
    await backup.tell('FileModified', facts(path), path);
    await eventually(async () => (await backup.told('BackupFailed')).length > 0);
    expect(await backup.told('BackupCreated')).toHaveLength(1);
    repository.unreadable.delete(path);
    const [, second] = await backup.created(2);
    expect(second).toMatchObject({ reason: 'on_change', files_changed: 0, files_unreadable: [] });
  }, 20_000);

  test('a retired file leaves the next backup; a moved one is there under its new name', async () => {
    const [gone, from] = [join(at.root, 'a.json'), join(at.root, 'data/b.json')];
    const retired = { ...facts(gone), reason: 'allowed' as const };
    const to = at.write('moved.json', '{"b":1}');
    unlinkSync(gone);
    unlinkSync(from);
    await backup.tell('FileRetired', retired, gone);
    await backup.tell('FileMoved', { ...facts(to), from }, to);
    await eventually(async () => (await stored(gone)) === undefined && (await stored(from)) === undefined);
    expect(await stored(to)).toBe(checksumOf(to));
  });
});

describe('while a loss is open', () => {
  test('the missing file stays in new backups, and is read again when it stands', async () => {
    const path = join(at.root, 'data/b.json');
    const good = facts(path);
    rmSync(join(at.root, 'data'), { recursive: true });
    await backup.tell('FileDeleted', loss(path, good), path);
    const other = at.write('a.json', '{"a":3}');
    await backup.tell('FileModified', facts(other), other);
    await backup.created(2);
    expect(await stored(path)).toBe(good.checksum);
    expect(repository.requests.at(-1)?.carry).toEqual(new Set([path, join(at.root, 'data')]));
    const health = await backup.call<object>('GET', '/api/backup/health');
    const first = (await repository.snapshots()).at(-1);
    expect(health.body).toMatchObject({
      open_cases: 1,
      pins: [{ path, snapshot_id: first?.id, exact: null }],
    });

    at.write('data/b.json', '{"b":1}');
    await backup.tell('FileRecovered', recovered(path), path);
    await eventually(() => repository.requests.at(-1)?.changes?.includes(path));
    expect(repository.requests.at(-1)?.carry?.size).toBe(0);
  });

  test('corrupt bytes are never recorded, not even by a full backup', async () => {
    const path = join(at.root, 'a.json');
    const good = facts(path);
    writeFileSync(path, '{"a":');
    const data = { ...loss(path, good), reason: 'json' as const, detail: 'ends early', actual_size: 5 };
    await backup.tell('FileCorrupted', { ...data, actual_checksum: checksumOf(path) }, path);
    await eventually(
      async () =>
        (await backup.call<{ open_cases: number }>('GET', '/api/backup/health')).body.open_cases === 1,
    );
    const { status } = await backup.call('POST', '/api/backup', {
      type: 'full',
      sources: ['bmc'],
      wait: true,
    });
    expect(status).toBe(201);
    expect(await stored(path)).toBe(good.checksum);
  });

  test('a loss that comes while a backup reads makes it begin again', async () => {
    const path = join(at.root, 'a.json');
    const good = facts(path);
    repository.onBackup = async () => {
      repository.onBackup = () => undefined;
      writeFileSync(path, 'garbage');
      const data = { ...loss(path, good), reason: 'json' as const, detail: 'no JSON', actual_size: 7 };
      await backup.tell('FileCorrupted', { ...data, actual_checksum: checksumOf(path) }, path);
      await eventually(
        async () =>
          (await backup.call<{ open_cases: number }>('GET', '/api/backup/health')).body.open_cases === 1,
      );
    };
    const reply = await backup.call<{ backup_id: string }>('POST', '/api/backup', {
      type: 'full',
      wait: true,
    });
    expect(reply.status).toBe(201);
    expect(await stored(path)).toBe(good.checksum);
    expect(await backup.told('BackupFailed')).toEqual([]);
  });

  test('a file that is gone before its loss is told is not dropped by an edit that was told before', async () => {
    const path = at.write('a.json', '{"a":9}');
    const data = facts(path);
    const good = await stored(path);
    unlinkSync(path);
    await backup.tell('FileModified', data, path);
    await eventually(() => repository.requests.length >= 2);
    expect(await stored(path)).toBe(good);
  });
});
