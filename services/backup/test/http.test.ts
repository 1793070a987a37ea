import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { RestoreResult, VerifyResult } from '@holdfast/contracts/http/backup';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from './support/booted.ts';
import { type MemoryRepository, memoryRepository } from './support/memory-repository.ts';

type Page = { items: BackupManifest[]; next_cursor: string | null };

let at: Place;
let repository: MemoryRepository;
let backup: Booted;
let ids: string[];

beforeAll(async () => {
  at = place();
  at.write('a.json', '{"a":1}');
  at.write('logs/today.log', 'hello');
  repository = memoryRepository();
  const sources = {
    bmc: { root: at.root, paths: ['*.json'], priority: 'critical' as const },
    logs: { root: at.root, paths: ['logs/'] },
    quotes: { mongodb_collections: ['quotes'] },
  };
  backup = await boot(at, { repository, sources });
  await backup.created(2);
  ids = (await backup.call<Page>('GET', '/api/backup?source=bmc')).body.items.map(
    ({ backup_id }) => backup_id,
  );
});

afterAll(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

describe('making backups', () => {
  test('of several sources: one each, all in the reply', async () => {
    const reply = await backup.call<BackupManifest & { items: BackupManifest[] }>('POST', '/api/backup', {
      type: 'full',
      encryption: false,
      compression: false,
      wait: true,
    });
    expect(reply.status).toBe(201);
    expect(reply.body.backup_id).toBe(reply.body.items[0]?.backup_id);
    expect(reply.body.items.map(({ sources }) => sources[0]?.source).sort()).toEqual(['bmc', 'logs']);
    expect(new Set(reply.body.items.map(({ backup_id }) => backup_id)).size).toBe(2);
    expect(reply.body).toMatchObject({ encryption: 'AES-256-GCM', sources: [{ compression: 'none' }] });
  });

  test('without waiting: 202 and where to look', async () => {
    const body = { type: 'snapshot', sources: ['logs'] };
    const reply = await backup.call<{ backup_id: string; status: string }>('POST', '/api/backup', body);
    expect(reply.status).toBe(202);
    const { backup_id } = reply.body;
    await backup.created(5);
    const found = await backup.call<{ status: string }>('GET', `/api/backup/${backup_id}`);
    expect([found.status, found.body.status]).toEqual([200, 'created']);
  });

  test('a source that is not known is refused by name; a viewer may not', async () => {
    const unknown = await backup.call<{ code: string; detail: string }>('POST', '/api/backup', {
      sources: ['nope'],
    });
    expect([unknown.status, unknown.body.code]).toEqual([400, 'bad_request']);
    expect(unknown.body.detail).toContain('nope');
    expect((await backup.call('POST', '/api/backup', {}, 'viewer')).status).toBe(403);
  });

  test('one that is configured, and of which nothing can be read, says what to do', async () => {
    const said = {
      code: 'config_invalid',
      detail: expect.stringMatching(/^sources.quotes: .* set MONGODB_URL/),
    };
    const sources = ['quotes'];
    const asked = await Promise.all([
      backup.call('POST', '/api/backup', { sources }),
      backup.call('PUT', '/api/backup/schedules/own', { enabled: true, every: 'daily', sources }),
      backup.call('POST', '/api/backup/restore-database', { source: 'quotes' }),
    ]);
    expect(asked.map(({ body }) => body)).toMatchObject([said, said, said]);
  });

  test('a differential compares with the last full', async () => {
    const body = { type: 'differential', sources: ['bmc'], wait: true };
    const { body: full } = await backup.call<BackupManifest>('POST', '/api/backup', {
      ...body,
      type: 'full',
    });
    await backup.call('POST', '/api/backup', { ...body, type: 'incremental' });
    at.write('new.json', '{}');
    const { body: made } = await backup.call<BackupManifest>('POST', '/api/backup', body);
    expect(made).toMatchObject({
      backup_type: 'differential',
      parent_backup_id: full.backup_id,
      files_new: 1,
    });
  });
});

describe('finding backups', () => {
  test('newest first, in pages, each once', async () => {
    const all = (await backup.call<Page>('GET', '/api/backup')).body.items.map(({ backup_id }) => backup_id);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Page = (await backup.call<Page>('GET', `/api/backup?limit=2${query}`)).body;
      seen.push(...page.items.map(({ backup_id }) => backup_id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(all);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test.each([
    ['?filter=last_7_days&source=logs', (one: BackupManifest) => one.sources[0]?.source === 'logs'],
    ['?type=full', (one: BackupManifest) => one.backup_type === 'full'],
    ['?contains_file=today.log', (one: BackupManifest) => one.sources[0]?.source === 'logs'],
  ])('%s', async (query, fits) => {
    const { items } = (await backup.call<Page>('GET', `/api/backup${query}`)).body;
    expect(items.length).toBeGreaterThan(0);
    expect(items.every(fits)).toBe(true);
  });

  test('by an absolute path that no backup holds: none', async () => {
    const { items } = (await backup.call<Page>('GET', '/api/backup?contains_file=/nowhere/x')).body;
    expect(items).toEqual([]);
  });

  test('what is wrong is said: filter, cursor, id', async () => {
    const codes = await Promise.all(
      ['?filter=yesterday', '?cursor=x', '?sort=colour', '/backup_20200101_000000_full'].map(
        async (query) => (await backup.call<{ code: string }>('GET', `/api/backup${query}`)).body.code,
      ),
    );
    expect(codes).toEqual(['bad_request', 'bad_request', 'bad_request', 'not_found']);
  });

  test('its files, with a glob', async () => {
    const reply = await backup.call<{ items: object[] }>('GET', `/api/backup/${ids[0]}/files?glob=*.json`);
    expect(reply.body.items).toMatchObject([{ path: join(at.root, 'a.json'), kind: 'file', size: 7 }]);
  });

  test('health names what is not backed up yet, storage what there is', async () => {
    const health = await backup.call<{ status: string; sources: object[] }>('GET', '/api/backup/health');
    expect(health.body).toMatchObject({
      status: 'ok',
      sources: [
        { source: 'bmc', status: 'ok' },
        { source: 'logs' },
        { source: 'quotes', status: 'unsupported' },
      ],
    });
    const storage = await backup.call<{ backups: number }>('GET', '/api/backup/storage', undefined, 'viewer');
    expect(storage.body.backups).toBeGreaterThan(1);
  });
});

describe('proof and restore', () => {
  test.each(['manifest', 'data', 'restore'])('a good backup passes at level %s', async (level) => {
    const reply = await backup.call<VerifyResult>('POST', `/api/backup/${ids[0]}/verify`, { level });
    expect(reply.body).toMatchObject({
      passed: true,
      level,
      files_checked: 1,
      bytes_checked: 7,
      problems: [],
    });
  });

  test('damage is named, told, and stands in the manifest', async () => {
    const path = join(at.root, 'a.json');
    repository.damaged.add(path);
    const reply = await backup.call<VerifyResult>('POST', `/api/backup/${ids[0]}/verify`, { level: 'data' });
    repository.damaged.delete(path);
    expect(reply.body.passed).toBe(false);
    expect(reply.body.problems.join()).toContain(path);
    const [told] = await backup.told('BackupVerificationFailed');
    expect(told?.data.problems).toEqual(reply.body.problems);
    const manifest = await backup.call<BackupManifest>('GET', `/api/backup/${ids[0]}`);
    expect(manifest.body.validation.integrity_check).toBe('failed');
  });

  test('files are restored under their paths, and told', async () => {
    const target_path = join(at.data_dir, '..', 'restored');
    const reply = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
      backup_id: ids[0],
      files: ['*.json'],
      target_path,
    });
    expect(reply.body).toMatchObject({ files_restored: 1, bytes_restored: 7, verified: true, failed: [] });
    expect(readFileSync(join(target_path, at.root, 'a.json'), 'utf8')).toBe('{"a":1}');
    expect((await backup.told('BackupRestored')).map(({ data }) => data.files_restored)).toEqual([1]);
  });

  test('nothing that matches, and our own folder, are refused', async () => {
    const body = { backup_id: ids[0], target_path: '/tmp/holdfast-never' };
    const nothing = await backup.call<{ code: string }>('POST', '/api/backup/restore', {
      ...body,
      files: ['*.exe'],
    });
    const own = await backup.call<{ code: string }>('POST', '/api/backup/restore', {
      ...body,
      target_path: at.data_dir,
    });
    expect([nothing.body.code, own.body.code]).toEqual(['not_found', 'restore_refused']);
  });
});
