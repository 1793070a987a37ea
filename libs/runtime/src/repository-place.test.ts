import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { repositoryPlace, tierPlaces } from './repository-place.ts';
import { compileSources } from './source-match.ts';

test('the repository lies in the data folder, with one key and a cache for each service', () => {
  expect(
    repositoryPlace(HoldfastConfig.parse({ host: 'web1', data_dir: '/data' }), '/data', 'backup'),
  ).toEqual({
    location: '/data/repository',
    key_file: '/data/repository.key',
    cache_dir: '/data/backup/cache',
    ids_of: [],
  });
});

test('a configured place and key count, a URL as it stands', () => {
  const config = {
    ...HoldfastConfig.parse({ host: 'web1', data_dir: '/data' }),
    repository: { location: 's3://bucket/place', key_file: '/keys/one' },
  };
  expect(repositoryPlace(config, '/data', 'recovery')).toEqual({
    location: 's3://bucket/place',
    key_file: '/keys/one',
    cache_dir: '/data/recovery/cache',
    ids_of: [],
  });
});

const tiersOf = (tiers: object, data_dir: string) =>
  tierPlaces(HoldfastConfig.parse({ host: 'web1', storage: { tiers } }), data_dir, 'backup').map(
    ({ name, location }) => [name, location],
  );

test('hot is always there and the first, others follow from near to far; what a provider keeps is none of this host', () => {
  const tiers = {
    tape: { location: '/tape' },
    cold: {},
    offsite: { provider: 's3' },
    warm: { location: '/warm' },
  };
  expect(tiersOf(tiers, '/data')).toEqual([
    ['hot', '/data/repository'],
    ['warm', '/warm'],
    ['cold', '/data/tiers/cold'],
    ['tape', '/tape'],
  ]);
});

test('hot lies where it is told to, unless there is a repository in the data folder already', () => {
  using dir = tempDir();
  const tiers = { hot: { location: '/backups/hot' } };
  expect(tiersOf(tiers, dir.path)).toEqual([['hot', '/backups/hot']]);
  symlinkSync('/backups/hot', join(dir.path, 'repository'));
  expect(tiersOf(tiers, dir.path)).toEqual([['hot', '/backups/hot']]);
  using old = tempDir();
  mkdirSync(join(old.path, 'repository'));
  expect(tiersOf(tiers, old.path)).toEqual([['hot', join(old.path, 'repository')]]);
});

test('a tier within a protected folder is no part of what is protected', () => {
  const config = HoldfastConfig.parse({
    host: 'web1',
    sources: { bmc: { root: '/srv' } },
    storage: { tiers: { cold: { location: '/srv/backups/cold' } } },
  });
  const [source] = compileSources(config, '/', '/data');
  expect(['/srv/a.json', '/srv/backups/cold/packs/ab'].map((path) => source?.matches(path))).toEqual([
    true,
    false,
  ]);
});
