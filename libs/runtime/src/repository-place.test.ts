import { HoldfastConfig } from '@holdfast/contracts/config';
import { expect, test } from '@jest/globals';
import { repositoryPlace } from './repository-place.ts';

test('the repository lies in the data folder, with one key and a cache for each service', () => {
  expect(
    repositoryPlace(HoldfastConfig.parse({ host: 'web1', data_dir: '/data' }), '/data', 'backup'),
  ).toEqual({
    location: '/data/repository',
    key_file: '/data/repository.key',
    cache_dir: '/data/backup/cache',
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
  });
});
