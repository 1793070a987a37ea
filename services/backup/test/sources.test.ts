import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupHealth, RestoreResult } from '@holdfast/contracts/http/backup';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { boot, facts, loss, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

const sourcesAt = (root: string) => ({
  configuration: { root, paths: ['.env', 'config.py'], priority: 'high' as const },
  credentials: {
    root,
    paths: ['.env', 'credentials/'],
    priority: 'critical' as const,
    encryption_required: true,
    backup_frequency: 'on_change' as const,
  },
});

describe('encryption_required', () => {
  test('refuses a key that lies beside the repository: typed, told, and the others are backed up', async () => {
    using at = place();
    at.write('.env', 'KEY=1');
    const repository = memoryRepository();
    await using backup = await boot(at, { repository, sources: sourcesAt(at.root) });
    const [made] = await backup.created(1);
    expect(made?.sources[0]?.source).toBe('configuration');
    const [failed] = await eventually(async () => {
      const told = await backup.told('BackupFailed');
      return told.length > 0 && told;
    });
    expect(failed?.data).toMatchObject({
      sources: ['credentials'],
      error: { code: 'encryption_required', message: expect.stringContaining('lies beside the repository') },
    });
    const health = await backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body.sources.find(({ source }) => source === 'credentials')?.status).toBe('failing');

    const body = { sources: ['credentials'], encryption: true, wait: true };
    const asked = await backup.call<{ code: string }>('POST', '/api/backup', body);
    expect([asked.status, asked.body.code]).toEqual([409, 'encryption_required']);
    expect(await repository.snapshots({ source: 'credentials' })).toEqual([]);
  });

  test('is satisfied by a key that lies apart, and by a word that it may lie there', async () => {
    using apart = tempDir();
    for (const yaml of [
      { repository: { key_file: join(apart.path, 'key') } },
      { encryption: { allow_local_key: true } },
    ]) {
      using at = place();
      at.write('.env', 'KEY=1');
      const repository = memoryRepository();
      await using backup = await boot(at, { repository, sources: sourcesAt(at.root), yaml });
      const manifests = await backup.created(2);
      expect(manifests.map(({ encryption }) => encryption)).toEqual(['AES-256-GCM', 'AES-256-GCM']);
      expect(await backup.told('BackupFailed')).toEqual([]);
    }
  });
});

describe('a file in two sources', () => {
  test('is backed up by both, and restored from either', async () => {
    using at = place();
    const env = at.write('.env', 'KEY=1');
    at.write('config.py', 'A = 1');
    at.write('credentials/token', 'secret');
    const yaml = { encryption: { allow_local_key: true } };
    await using backup = await boot(at, { sources: sourcesAt(at.root), yaml });
    const made = await backup.created(2);
    const byName = new Map(made.map((one): [string, BackupManifest] => [one.sources[0]?.source ?? '', one]));
    expect([...byName.keys()].sort()).toEqual(['configuration', 'credentials']);
    for (const { backup_id } of byName.values()) {
      using target = tempDir();
      const restored = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
        backup_id,
        files: ['.env'],
        target_path: target.path,
      });
      expect(restored.body).toMatchObject({ files_restored: 1, verified: true, failed: [] });
      expect(readFileSync(join(target.path, env), 'utf8')).toBe('KEY=1');
    }

    const good = facts(env, 'credentials');
    at.write('.env', 'KEY=2');
    await backup.tell('FileModified', facts(env, 'credentials'), env);
    const [, , changed] = await backup.created(3);
    expect(changed).toMatchObject({ reason: 'on_change', sources: [{ source: 'credentials' }] });

    // A loss is of the file, whichever source it was told of: neither forgets it.
    await backup.tell('FileDeleted', loss(env, good, 'credentials'), env);
    await eventually(
      async () => (await backup.call<BackupHealth>('GET', '/api/backup/health')).body.open_cases === 1,
    );
    at.write('.env', '');
    const full = await backup.call<{ items: BackupManifest[] }>('POST', '/api/backup', {
      type: 'full',
      wait: true,
    });
    for (const { backup_id, sources } of full.body.items) {
      using target = tempDir();
      const body = { backup_id, files: ['.env'], target_path: target.path };
      await backup.call('POST', '/api/backup/restore', body);
      const kept = readFileSync(join(target.path, env), 'utf8');
      expect([sources[0]?.source, kept]).toEqual([
        sources[0]?.source,
        sources[0]?.source === 'credentials' ? 'KEY=2' : 'KEY=1',
      ]);
    }
  });
});

describe('Holdfast itself', () => {
  const at_ms = Date.parse('2026-07-15T00:30:00.000Z');
  const namesIn = (items: readonly BackupManifest[]) => items.map(({ sources }) => sources[0]?.source);

  test('is backed up after the others and then hourly; who asks for all does not mean it', async () => {
    using at = place();
    at.write('a.json', '{}');
    const clock = fakeClock(at_ms);
    const sources = { bmc: { root: at.root, backup_frequency: 'daily' as const } };
    await using backup = await boot(at, {
      repository: memoryRepository(),
      sources,
      own_source: true,
      yaml: { time_zone: 'UTC', schedule: { daily: { type: 'full', time: '02:00' } } },
      overrides: { clock },
    });
    expect(namesIn(await backup.created(1))).toEqual(['bmc']);
    clock.advance(60_000);
    expect(namesIn(await backup.created(2))).toEqual(['bmc', 'holdfast']);
    const asked = await backup.call<{ items: BackupManifest[] }>('POST', '/api/backup', { wait: true });
    expect(namesIn(asked.body.items)).toEqual(['bmc']);
    clock.advance(3_600_000);
    const [, , , again] = await backup.created(4);
    expect(again).toMatchObject({
      reason: 'schedule',
      sources: [{ source: 'holdfast', files_backed_up: 3 }],
    });
    // The daily schedule is of what people protect.
    clock.advance(1_800_000);
    await backup.created(5);
    expect(namesIn((await backup.created(5)).slice(4))).toEqual(['bmc']);
    const health = await backup.call<BackupHealth>('GET', '/api/backup/health');
    expect(health.body.sources.find(({ source }) => source === 'holdfast')).toMatchObject({
      status: 'ok',
      backup_frequency: 'hourly',
    });
  });

  test('comes as often as the configuration says, and where a schedule names it', async () => {
    using at = place();
    at.write('a.json', '{}');
    const clock = fakeClock(at_ms);
    await using backup = await boot(at, {
      repository: memoryRepository(),
      sources: { bmc: { root: at.root }, holdfast: { backup_frequency: 'weekly' } },
      own_source: true,
      yaml: { time_zone: 'UTC', schedule: { own: { every: 'hourly', sources: ['holdfast'] } } },
      overrides: { clock },
    });
    await backup.created(1);
    clock.advance(60_000);
    await backup.created(2);
    clock.advance(1_800_000);
    const [, , scheduled] = await backup.created(3);
    expect(scheduled).toMatchObject({ reason: 'schedule', sources: [{ source: 'holdfast' }] });
  });
});
