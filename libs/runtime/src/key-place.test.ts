import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { refusedSources } from './key-place.ts';

const sources = { credentials: { encryption_required: true }, logs: {} };
const refused = (parts: object, data_dir = '/srv/data') =>
  refusedSources(HoldfastConfig.parse({ host: 'web1', sources, ...parts }), data_dir).map(
    ({ source }) => source,
  );

test.each([
  ['in the data folder, as it is by default', {}],
  ['in another folder of the data folder', { key_file: '/srv/data/keys/one' }],
  ['in the folder of the repository', { location: '/backups/repo', key_file: '/backups/key' }],
  ['in the repository', { location: '/backups/repo', key_file: '/backups/repo/keys/k' }],
  ['beside a file: URL', { location: 'file:///backups/repo', key_file: '/backups/key' }],
])('a key %s lies beside it', (_, repository) => {
  expect(refused({ repository })).toEqual(['credentials']);
});

test.each([
  ['that lies apart', { key_file: '/etc/holdfast/key' }],
  ['of a repository elsewhere', { location: '/mnt/backups/repo' }],
  ['of a bucket', { location: 's3://bucket/place' }],
])('a key %s is well', (_, repository) => {
  expect(refused({ repository })).toEqual([]);
});

test('who allows a key that lies beside it gets one', () => {
  expect(refused({ encryption: { allow_local_key: true } })).toEqual([]);
  expect(refused({ encryption: { allow_local_key: false } })).toEqual(['credentials']);
});

test('a link from elsewhere does not take the key away', () => {
  using folder = tempDir();
  const data_dir = join(folder.path, 'data');
  const apart = join(folder.path, 'apart');
  for (const made of [data_dir, apart]) mkdirSync(made);
  writeFileSync(join(data_dir, 'repository.key'), '');
  symlinkSync(join(data_dir, 'repository.key'), join(apart, 'key'));
  expect(refused({ repository: { key_file: join(apart, 'key') } }, data_dir)).toEqual(['credentials']);
});
