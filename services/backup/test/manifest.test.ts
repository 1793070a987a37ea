import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { expect, test } from '@jest/globals';
import { boot, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

/** What is the same for every backup of one system, and why. */
const SAME: Readonly<Record<string, string>> = {
  encryption: 'nothing is ever stored in clear',
  'metadata.system_version': 'both were made by this version',
  'retention.tier': 'new backups lie in the first tier',
  'retention.archive_to_cold_storage_after': 'no cold tier is configured',
  'metadata.backup_duration_seconds': 'the engine in memory says one millisecond',
  'files_unreadable.0.reason': 'both files were refused alike',
  'locations.0.tier': 'both lie in the first tier',
  'locations.0.verified_at': 'and were copied to no other',
  hold: 'nobody has put one on either',
  status: 'both are made',
};

interface Circumstances {
  readonly host: string;
  readonly branch: string;
  readonly start: string;
  readonly source: string;
  readonly rules: object;
}

/** A second backup of a tree of its own, under its own circumstances, as it is served. */
async function served({ host, branch, start, source, rules }: Circumstances, files: number, body: object) {
  using at = place();
  for (let n = 0; n < files; n++) at.write(`${n}.txt`, `${branch} ${n}`);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: at.root });
  git('init', '-q', '-b', branch);
  git('add', '.');
  git('commit', '-q', '-m', `on ${branch}`);
  const repository = memoryRepository();
  await using backup = await boot(at, {
    repository,
    sources: { [source]: { root: at.root } },
    yaml: { host, time_zone: 'UTC', rotation: rules },
    overrides: { clock: fakeClock(Date.parse(start)) },
  });
  await backup.created(1);
  for (let n = 0; n < files; n++) at.write(`new-${n}.txt`, 'x'.repeat(files));
  for (let n = 1; n < files; n++) at.write(`${n}.txt`, `changed ${branch}`);
  if (files > 2) rmSync(join(at.root, '0.txt'));
  const refused = at.write('refused.txt', branch);
  repository.unreadable.add(refused);
  const made = await backup.call<BackupManifest>('POST', '/api/backup', { ...body, wait: true });
  const level = 'type' in body ? 'restore' : 'manifest';
  await backup.call('POST', `/api/backup/${made.body.backup_id}/verify`, { level });
  return (await backup.call<BackupManifest>('GET', `/api/backup/${made.body.backup_id}`)).body;
}

function leaves(value: unknown, path = ''): [string, string][] {
  if (value === null || typeof value !== 'object') return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`));
}

test('every field of a manifest is measured: two backups of different circumstances differ in all of them', async () => {
  const one = await served(
    {
      ...{ host: 'web1', branch: 'main', start: '2026-07-15T12:30:00.000Z', source: 'bmc' },
      rules: { hourly: { keep_count: 24 } },
    },
    2,
    {},
  );
  const other = await served(
    {
      ...{ host: 'db7', branch: 'release', start: '2027-01-01T00:00:00.000Z', source: 'logs' },
      rules: { daily: { keep_count: 7 } },
    },
    5,
    { type: 'full', compression: false, reason: 'before_deployment' },
  );
  const [first, second] = [new Map(leaves(one)), new Map(leaves(other))];
  expect([...first.keys()].sort()).toEqual([...second.keys()].sort());
  const equal = [...first.keys()].filter((path) => first.get(path) === second.get(path));
  expect(equal.filter((path) => SAME[path] === undefined)).toEqual([]);
  expect(one).toMatchObject({
    ...{ backup_type: 'incremental', reason: 'request', files_new: 2, files_changed: 1 },
    metadata: { hostname: 'web1', git_branch: 'main', git_commit: expect.stringMatching(/^[0-9a-f]{7,40}$/) },
    retention: { expires_at: '2026-07-16T12:00:00.000Z' },
    validation: { integrity_check: 'pending', restore_test: 'pending', verified_at: expect.any(String) },
  });
  expect(other).toMatchObject({
    ...{ backup_type: 'full', reason: 'before_deployment', files_new: 5, files_changed: 4, files_removed: 1 },
    sources: [{ source: 'logs', files_backed_up: 9, compression: 'none' }],
    retention: { expires_at: '2027-01-08T00:00:00.000Z' },
    validation: { integrity_check: 'passed', restore_test: 'passed' },
  });
});
