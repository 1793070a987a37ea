import { createHash } from 'node:crypto';
import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { RestoreResult, VerifyResult } from '@holdfast/contracts/http/backup';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { startHoldfastProcess } from '../support/holdfast-process.ts';
import { writeConversations } from '../support/tree.ts';

interface LogRow {
  idx: number;
  id: string;
  leaf: Uint8Array;
  bytes: Uint8Array;
}

const leafOf = (bytes: Uint8Array) =>
  createHash('sha256').update(Uint8Array.of(0)).update(bytes).digest('hex');

test('Holdfast is in a backup of its own: every database is whole, the audit log and the catalog are those of that moment', async () => {
  using folder = tempDir();
  const data_dir = join(folder.path, 'data');
  const paths = writeConversations(join(folder.path, 'kb'), 20, 2000);
  await using holdfast = await startHoldfastProcess({ data_dir, args: [join(folder.path, 'kb')] });
  await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0);
  unlinkSync(paths[0] ?? '');
  await eventually(() => existsSync(paths[0] ?? ''));
  const list = () => holdfast.get<{ items: BackupManifest[] }>('/api/backup');
  const before = (await list()).items;
  const events = await eventually(async () => {
    const found = await holdfast.events();
    return found.some(({ type }) => type === 'FileRecovered') && found;
  });

  const made = await holdfast.post<BackupManifest>('/api/backup', { sources: ['holdfast'], wait: true });
  expect(made.sources[0]).toMatchObject({ source: 'holdfast', compression: 'zstd' });
  expect((await list()).items[0]?.backup_id).toBe(made.backup_id);
  expect(existsSync(join(data_dir, 'backup', 'holdfast'))).toBe(false);
  const verified = await holdfast.post<VerifyResult>(`/api/backup/${made.backup_id}/verify`, {
    level: 'restore',
  });
  expect(verified).toMatchObject({ passed: true, problems: [] });

  const target_path = join(folder.path, 'restored');
  const body = { backup_id: made.backup_id, target_path };
  const restored = await holdfast.post<RestoreResult>('/api/backup/restore', body);
  expect(restored).toMatchObject({ verified: true, failed: [] });
  const below = join(target_path, data_dir, 'backup', 'holdfast');
  const about = JSON.parse(readFileSync(join(below, 'about.json'), 'utf8'));
  expect(about.databases).toEqual([
    ...['monitor/registry.sqlite', 'backup/backup.sqlite', 'recovery/recovery.sqlite'],
    ...['alerting/alerting.sqlite', 'audit/log.sqlite'],
  ]);
  for (const name of about.databases) {
    using db = new DatabaseSync(join(below, name));
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  }

  using log = new DatabaseSync(join(below, 'audit', 'log.sqlite'));
  const rows = log
    .prepare('SELECT idx, id, leaf, bytes FROM events JOIN bodies USING (idx) ORDER BY idx')
    .all() as unknown as LogRow[];
  expect(rows.map(({ idx }) => idx)).toEqual(rows.map((_, place) => place));
  for (const { bytes, leaf } of rows) expect(Buffer.from(leaf).toString('hex')).toBe(leafOf(bytes));
  const kept = new Set(rows.map(({ id }) => id));
  expect(events.filter(({ id }) => !kept.has(id))).toEqual([]);

  using catalog = new DatabaseSync(join(below, 'backup', 'backup.sqlite'));
  const told = catalog.prepare('SELECT manifest FROM backups').all() as unknown as { manifest: string }[];
  const byId = (one: BackupManifest, other: BackupManifest) => (one.backup_id < other.backup_id ? -1 : 1);
  const manifests = told.map(({ manifest }) => JSON.parse(manifest) as BackupManifest);
  expect(manifests.toSorted(byId)).toMatchObject(
    before
      .map(({ backup_id, snapshot_id, sources }) => ({ backup_id, snapshot_id, sources }))
      .toSorted(byId as never),
  );
  expect(readFileSync(join(below, 'holdfast.yaml'), 'utf8')).toContain('"data_dir"');
}, 120_000);
