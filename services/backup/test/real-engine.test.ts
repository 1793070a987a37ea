import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { RestoreResult, VerifyResult } from '@holdfast/contracts/http/backup';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { systemClock } from '@holdfast/runtime/clock';
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

let at: Place;
let backup: Booted;

beforeEach(async () => {
  at = place();
  for (let n = 0; n < 50; n++)
    at.write(`data/${n % 5}/kb_${n}.json`, JSON.stringify({ n, text: 'ñandú '.repeat(50) }));
  at.write('matriz_precios.json', '{"precio":1}');
  at.write('config.py', 'A = 1\n');
  chmodSync(join(at.root, 'config.py'), 0o640);
  utimesSync(join(at.root, 'config.py'), 1_700_000_000.5, 1_700_000_000.123);
  backup = await boot(at);
  await backup.created(1);
}, 30_000);

afterEach(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

type Files = { items: { path: string; checksum: string }[] };
const checksumIn = async (backup_id: string | undefined, path: string) => {
  const { body } = await backup.call<Files>('GET', `/api/backup/${backup_id}/files?limit=10000`);
  return body.items.find((one) => one.path === path)?.checksum;
};

describe('with the real engine', () => {
  test('a deleted backup is gone, its space is freed, and what is left still restores', async () => {
    const big = at.write('big.bin', randomBytes(3_000_000).toString('base64'));
    const full = async () =>
      (await backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', wait: true })).body;
    const doomed = await full();
    rmSync(big);
    const left = await full();
    const stored = async () =>
      (await backup.call<{ bytes_stored: number }>('GET', '/api/backup/storage')).body.bytes_stored;
    const before = await stored();
    expect((await backup.call('DELETE', `/api/backup/${doomed.backup_id}`)).status).toBe(204);
    expect((await backup.call('GET', `/api/backup/${doomed.backup_id}`)).status).toBe(404);
    await eventually(async () => (await stored()) < before - 2_500_000, { what: 'space freed' });
    const verified = await backup.call<VerifyResult>('POST', `/api/backup/${left.backup_id}/verify`, {
      level: 'restore',
    });
    expect(verified.body).toMatchObject({ passed: true, files_checked: 52 });
  });

  test('an edit, a new file in a new folder: in a snapshot within a second', async () => {
    const path = at.write('matriz_precios.json', '{"precio":2}');
    const other = at.write('new/folder/x.json', '{}');
    const started = performance.now();
    await backup.tell('FileModified', facts(path), path);
    await backup.tell('FileRegistered', facts(other), other);
    const manifest = await eventually(async () => {
      const newest = (await backup.told('BackupCreated')).at(-1)?.data.manifest;
      const held = [await checksumIn(newest?.backup_id, path), await checksumIn(newest?.backup_id, other)];
      return held[0] === checksumOf(path) && held[1] === checksumOf(other) && newest;
    });
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(manifest.sources[0]?.files_backed_up).toBe(53);
    expect(manifest.bytes_stored).toBeGreaterThan(0);
  });

  test('a walk names what events had missed, and only that', async () => {
    await backup[Symbol.asyncDispose]();
    // A minute later: what events tell of now is no longer on its way.
    const clock = { ...systemClock, now_ms: () => Date.now() + 60_000 };
    backup = await boot(at, { events: backup.context.events, overrides: { clock } });
    const missed = at.write('data/0/kb_0.json', '{"nobody":"told"}');
    const named = at.write('matriz_precios.json', '{"precio":2}');
    await backup.tell('FileModified', facts(named), named);
    await backup.created(2);
    const { body } = await backup.call<BackupManifest>('POST', '/api/backup', { wait: true });
    expect(body.missed_by_events).toEqual({ files: 1, paths: [missed] });
    const again = await backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', wait: true });
    expect(again.body.missed_by_events).toBeUndefined();
  });

  test('what is lost is carried through on-change and full backups, folder and all', async () => {
    const folder = join(at.root, 'data/3');
    const lost = readdirSync(folder).map((name) => join(folder, name));
    const good = new Map(lost.map((path) => [path, facts(path)]));
    cpSync(folder, join(at.root, '../kept'), { recursive: true, preserveTimestamps: true });
    rmSync(folder, { recursive: true });
    for (const [path, was] of good) await backup.tell('FileDeleted', loss(path, was), path);
    await eventually(
      async () =>
        (await backup.call<{ open_cases: number }>('GET', '/api/backup/health')).body.open_cases ===
        lost.length,
    );
    const full = await backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', wait: true });
    expect(full.body).toMatchObject({ files_removed: 0, sources: [{ files_backed_up: 52 }] });
    for (const [path, was] of good) expect(await checksumIn(full.body.backup_id, path)).toBe(was.checksum);

    cpSync(join(at.root, '../kept'), folder, { recursive: true, preserveTimestamps: true });
    for (const path of lost) await backup.tell('FileRecovered', recovered(path), path);
    await eventually(
      async () =>
        (await backup.call<{ open_cases: number }>('GET', '/api/backup/health')).body.open_cases === 0,
    );
    const after = await backup.call<BackupManifest>('POST', '/api/backup', { wait: true });
    expect(after.body).toMatchObject({ files_new: 0, files_removed: 0, sources: [{ files_backed_up: 52 }] });
  });

  test('every level of proof passes, and a damaged pack is found with the files that it reaches', async () => {
    const [manifest] = await backup.created(1);
    const verify = (level: string) =>
      backup.call<VerifyResult>('POST', `/api/backup/${manifest?.backup_id}/verify`, { level });
    for (const level of ['manifest', 'data', 'restore']) {
      expect((await verify(level)).body).toMatchObject({ passed: true, files_checked: 52, problems: [] });
    }
    const packs = join(at.data_dir, 'repository', 'packs');
    const names = readdirSync(packs, { recursive: true, encoding: 'utf8' }).map((name) => join(packs, name));
    for (const pack of names.filter((name) => statSync(name).isFile())) {
      const bytes = readFileSync(pack);
      bytes.fill(0xff, Math.floor(bytes.length * 0.2), Math.floor(bytes.length * 0.5));
      chmodSync(pack, 0o600);
      writeFileSync(pack, bytes);
    }
    // What stands in memory is no proof: another start reads the disk.
    await backup[Symbol.asyncDispose]();
    backup = await boot(at, { events: backup.context.events });
    const found = (await verify('data')).body;
    expect(found.passed).toBe(false);
    expect(found.problems.length).toBeGreaterThan(0);
    expect(await backup.told('BackupVerificationFailed')).toHaveLength(1);
  });

  test('files come back with their bytes, modes and times', async () => {
    const [manifest] = await backup.created(1);
    const target_path = join(at.root, '../restored');
    const { body } = await backup.call<RestoreResult>('POST', '/api/backup/restore', {
      backup_id: manifest?.backup_id,
      files: ['*.py', 'data/3'],
      target_path,
    });
    expect(body).toMatchObject({ files_restored: 11, failed: [], verified: true });
    const [was, is] = [at.root, join(target_path, at.root)].map((root) =>
      statSync(join(root, 'config.py'), { bigint: true }),
    );
    expect([is?.mode, is?.mtimeNs]).toEqual([was?.mode, was?.mtimeNs]);
  });

  test('a lost database and an empty history: every snapshot is told again, under the same id', async () => {
    const path = at.write('matriz_precios.json', '{"precio":3}');
    await backup.tell('FileModified', facts(path), path);
    await backup.created(2);
    const before = (await backup.told('BackupCreated')).map(({ id }) => id);
    await backup[Symbol.asyncDispose]();
    rmSync(join(at.data_dir, 'backup'), { recursive: true });
    backup = await boot(at, { events: createMemoryStore() });
    await backup.created(2);
    expect((await backup.told('BackupCreated')).map(({ id }) => id)).toEqual(before);
  });

  (process.getuid?.() === 0 ? test.skip : test)(
    'a file that cannot be read is named, the rest is backed up',
    async () => {
      const path = at.write('secret.json', '{}');
      chmodSync(path, 0);
      const { body } = await backup.call<BackupManifest>('POST', '/api/backup', { wait: true });
      expect(body.files_unreadable.map((one) => one.path)).toEqual([path]);
      expect(body.sources[0]?.files_backed_up).toBe(52);
    },
  );
});
