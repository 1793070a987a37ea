import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { RestoreResult, VerifyResult } from '@holdfast/contracts/http/backup';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Booted, boot, checksumOf, type Place, place } from './support/booted.ts';

const FILES = 40;
const SECRET = 'el precio de la espuma es un secreto';

let at: Place;
let backup: Booted;
let paths: string[];

beforeEach(async () => {
  at = place();
  paths = Array.from({ length: FILES }, (_, n) =>
    at.write(`kb/conversation_${n}.json`, JSON.stringify({ n, text: `${SECRET} `.repeat(200) })),
  );
  backup = await boot(at, { sources: { bmc: { root: at.root } } });
  await backup.created(1);
}, 30_000);
afterEach(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

const create = async (body: object) =>
  (await backup.call<BackupManifest>('POST', '/api/backup', { ...body, wait: true })).body;
const verify = async ({ backup_id }: BackupManifest, level = 'data') =>
  (await backup.call<VerifyResult>('POST', `/api/backup/${backup_id}/verify`, { level })).body;
const sizeOf = (path: string) => readFileSync(path).length;
const objects = () => {
  const folder = join(at.data_dir, 'repository');
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

test('createFullBackup: reads every byte again, though nothing has changed', async () => {
  const full = await create({ type: 'full' });
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  expect(full).toMatchObject({ backup_type: 'full', files_new: 0, files_changed: 0, bytes_read: total });
  expect(full.sources[0]).toMatchObject({ files_backed_up: FILES, total_size_bytes: total });
});

test('createIncrementalBackup: reads what changed, and is complete all the same', async () => {
  const [changed = ''] = paths;
  // What was written just before a backup is read once more by the next: its timestamps prove nothing yet.
  await eventually(async () => (await create({ type: 'incremental' })).bytes_read === 0);
  writeFileSync(changed, '{"n":"changed"}');
  const made = await create({ type: 'incremental' });
  expect(made).toMatchObject({ files_changed: 1, files_new: 0, bytes_read: sizeOf(changed) });
  expect(made.sources[0]?.files_backed_up).toBe(FILES);
  expect(await verify(made, 'restore')).toMatchObject({ passed: true, files_checked: FILES });
});

test('backupCompression: zstd makes it small, and who does not want it gets the bytes as they are', async () => {
  // Hexadecimal digits take half the space, and no two pieces are alike.
  const text = () => randomBytes(200_000).toString('hex');
  const stored = async (name: string, compression: boolean) => {
    at.write(name, text());
    return create({ compression });
  };
  const small = await stored('one.txt', true);
  const large = await stored('two.txt', false);
  expect(small.sources[0]?.compression).toBe('zstd');
  expect(large.sources[0]?.compression).toBe('none');
  expect(small.bytes_stored).toBeLessThan(300_000);
  expect(large.bytes_stored).toBeGreaterThan(400_000);
  expect(await verify(large)).toMatchObject({ passed: true });
});

test('backupEncryption: neither content nor a name is in the repository, whatever is asked for', async () => {
  at.write('plain.txt', SECRET);
  const made = await create({ type: 'full', encryption: false, compression: false });
  expect(made.encryption).toBe('AES-256-GCM');
  const stored = Buffer.concat(objects().map((path) => readFileSync(path)));
  for (const word of [SECRET, 'conversation_1', 'plain.txt', at.root])
    expect(stored.includes(word)).toBe(false);
});

test('verifyBackupIntegrity: passes, and says what flipped bits have damaged', async () => {
  const made = await create({ type: 'full' });
  expect(await verify(made)).toMatchObject({ passed: true, files_checked: FILES, problems: [] });
  for (const pack of objects().filter((path) => path.includes('/packs/'))) {
    const bytes = readFileSync(pack);
    bytes[Math.floor(bytes.length / 3)] = (bytes[Math.floor(bytes.length / 3)] ?? 0) ^ 1;
    rmSync(pack);
    writeFileSync(pack, bytes);
  }
  // What stands in memory is no proof: another start reads the disk.
  await backup[Symbol.asyncDispose]();
  backup = await boot(at, { sources: { bmc: { root: at.root } }, events: backup.context.events });
  const damaged = await verify(made);
  expect(damaged.passed).toBe(false);
  expect(damaged.problems.join('\n')).toContain('packs/');
});

test('endToEndBackupRestore: files are made, backed up, deleted, restored, and are what they were', async () => {
  const made = await create({ type: 'full' });
  const before = paths.map(checksumOf);
  for (const path of paths) rmSync(path);
  const body = { backup_id: made.backup_id, target_path: '/' };
  const target_path = join(at.data_dir, '..', 'restored');
  const reply = await backup.call<RestoreResult>('POST', '/api/backup/restore', { ...body, target_path });
  expect(reply.body).toMatchObject({ files_restored: FILES, verified: true, failed: [] });
  expect(paths.map((path) => checksumOf(join(target_path, path)))).toEqual(before);
});
