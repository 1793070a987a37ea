import { SourceConfig } from '@holdfast/contracts/config';
import { compileSource } from '@holdfast/runtime/source-match';
import { expect, test } from '@jest/globals';
import { databaseSource, namesDatabase, whyNoDatabase } from '../../mongodb/source.ts';
import { refuseIncomplete } from './databases.ts';

const compiled = (config: object) => compileSource('db', SourceConfig.parse(config), '/srv');
const plan = { source: 'db', on_change: true, frequency: 'hourly' as const };

test('a backup of a database that lacks one of its files is refused; of files it is not', () => {
  const unreadable = [{ path: '/data/changes/1.bson', reason: 'EIO' }];
  const database = {
    ...databaseSource(compiled({ database: 'bmc', mongodb_url: 'mongodb://h' }), '/data'),
    plan,
  };
  expect(() => refuseIncomplete(database, unreadable)).toThrow('/data/changes/1.bson: EIO');
  expect(() => refuseIncomplete(database, [])).not.toThrow();
  expect(() => refuseIncomplete({ ...compiled({ root: 'a' }), plan }, unreadable)).not.toThrow();
});

test('a source of a database is its folder, without what is being written', () => {
  const source = databaseSource(
    compiled({ mongodb_collections: ['quotes'], mongodb_url: 'mongodb://h' }),
    '/data',
  );
  expect(source.roots).toEqual(['/data']);
  expect(source.select('/data/changes/next.unfinished', 'file')).toBe(false);
  expect(source.select('/data/state.json', 'file')).toBe(true);
  expect(source.mongodb).toMatchObject({ collections: ['quotes'], database: undefined });
});

test('without an address it says what is missing', () => {
  expect(namesDatabase(compiled({ root: 'a' }))).toBe(false);
  expect(namesDatabase(compiled({ database: 'bmc' }))).toBe(true);
  expect(whyNoDatabase(compiled({ database: 'bmc' }))).toContain('MONGODB_URL');
  expect(whyNoDatabase(compiled({ mongodb_url_file: '/nowhere/url' }))).toContain('/nowhere/url');
  expect(whyNoDatabase(compiled({ mongodb_url: 'mongodb://h' }))).toBeNull();
});
