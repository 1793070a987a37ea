import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupMetricsView } from '@holdfast/contracts/http/backup-metrics';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from './support/booted.ts';
import { type MemoryRepository, memoryRepository } from './support/memory-repository.ts';

let at: Place;
let repository: MemoryRepository;
let backup: Booted;

beforeEach(async () => {
  at = place();
  at.write('a.json', '{"a":1}');
  at.write('logs/today.log', 'hello');
  repository = memoryRepository();
  backup = await boot(at, {
    repository,
    sources: {
      bmc: { root: at.root, paths: ['*.json'], priority: 'critical' },
      logs: { root: at.root, paths: ['logs/'] },
    },
    yaml: { rpo: { bmc: '0 minutes', logs: '7 days' } },
  });
  await backup.created(2);
});

afterEach(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

const metrics = async (query = '') =>
  (await backup.call<BackupMetricsView>('GET', `/api/backup/metrics${query}`, undefined, 'viewer')).body;
const full = async () =>
  (await backup.call<BackupManifest>('POST', '/api/backup', { type: 'full', sources: ['bmc'], wait: true }))
    .body;

test('what was made, what it took and what would be lost now', async () => {
  const shown = await metrics();
  expect(shown).toMatchObject({ created: 2, failed: 0, success_rate: 1, rpo_compliance: 1 });
  expect(shown.types).toMatchObject([{ backup_type: 'full', created: 2 }]);
  expect(shown.sources[0]).toMatchObject({
    ...{ source: 'bmc', created: 1, success_rate: 1, last_size_bytes: 7 },
    ...{ rpo_seconds: 0, at_risk_seconds: 0, rpo_met: true },
  });
  expect(shown.sources[1]).toMatchObject({ source: 'logs', rpo_seconds: 604_800, rpo_met: true });
  expect(shown.storage).toMatchObject({ backups: 2, bytes_protected: 12, dedup_ratio: null });
});

test('a failure counts against the success, and a backup that is gone stays made', async () => {
  const doomed = await full();
  await full();
  expect((await backup.call('DELETE', `/api/backup/${doomed.backup_id}`)).status).toBe(204);
  repository.onBackup = () => {
    throw new Error('no');
  };
  await backup.call('POST', '/api/backup', { type: 'full', sources: ['bmc'], wait: true });
  const { created, failed, success_rate, sources, types, storage } = await metrics('?filter=last_7_days');
  expect({ created, failed, success_rate }).toEqual({ created: 4, failed: 1, success_rate: 0.8 });
  expect(sources.map((one) => [one.source, one.created, one.failed])).toEqual([
    ['bmc', 3, 1],
    ['logs', 1, 0],
  ]);
  expect(types[0]).toMatchObject({ created: 4 });
  expect(storage).toMatchObject({ backups: 3, bytes_protected: 19 });
});

test('verifications count, and a damaged backup is not the newest good one', async () => {
  const good = await metrics();
  const made = await full();
  repository.damaged.add(`${at.root}/a.json`);
  await backup.call('POST', `/api/backup/${made.backup_id}/verify`, { level: 'restore' });
  const shown = await metrics();
  expect(shown.verifications).toEqual({ backups_read: 1, backups_restored: 1, backups_damaged: 1 });
  expect(shown.sources[0]?.newest_good_at).toBe(good.sources[0]?.newest_good_at);
  expect(shown.sources[0]?.last_backup_id).toBe(made.backup_id);
});

test('a period that is none is refused', async () => {
  const reply = await backup.call<{ code: string }>('GET', '/api/backup/metrics?filter=ever');
  expect([reply.status, reply.body.code]).toEqual([400, 'bad_request']);
});
