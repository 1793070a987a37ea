import { expect, test } from '@jest/globals';
import {
  breaksLog,
  type CollectionChange,
  type Collections,
  evolveCollections,
  namesBefore,
} from './collections.ts';

const change = (
  type: string,
  collection: string,
  description = {},
  to: string | null = null,
): CollectionChange => ({
  type,
  collection,
  description,
  to: to === null ? null : { database: 'db', collection: to },
});
const after = (...changes: CollectionChange[]) =>
  changes.reduce<Collections>((collections, one) => evolveCollections(collections, one, 'db'), new Map());
const index = { name: 'by_a', key: { a: 1 } };

test('collections come with their options, change their indexes and names, and go', () => {
  const made = [
    change('create', 'a', { capped: true, size: 10, idIndex: {} }),
    change('createIndexes', 'a', { indexes: [index] }),
  ];
  const facts = { kind: 'collection', options: { capped: true, size: 10 }, indexes: [index] };
  expect(after(...made)).toEqual(new Map([['a', facts]]));
  expect(after(...made, change('rename', 'a', {}, 'b'))).toEqual(new Map([['b', facts]]));
  expect(after(...made, change('dropIndexes', 'a', { indexes: [index] })).get('a')?.indexes).toEqual([]);
  expect(after(...made, change('drop', 'a'))).toEqual(new Map());
  expect(after(...made, change('dropDatabase', ''))).toEqual(new Map());
});

test('an index that is made twice is there once; options and indexes are modified', () => {
  const changes = [
    change('create', 'a'),
    change('createIndexes', 'a', { indexes: [index] }),
    change('createIndexes', 'a', { indexes: [{ ...index, key: { b: 1 } }] }),
    change('modify', 'a', { index: { name: 'by_a', hidden: true }, validator: { a: 1 }, cappedSize: 5 }),
  ];
  expect(after(...changes).get('a')).toEqual({
    kind: 'collection',
    options: { validator: { a: 1 }, size: 5 },
    indexes: [{ name: 'by_a', key: { b: 1 }, hidden: true }],
  });
});

test('a rename out of the database is the end of the collection; a view is kept by its definition', () => {
  const away = { ...change('rename', 'a'), to: { database: 'other', collection: 'a' } };
  expect(after(change('create', 'a'), away)).toEqual(new Map());
  expect(after(change('create', 'v', { viewOn: 'a', pipeline: [] })).get('v')?.kind).toBe('view');
});

test('what a wanted collection was called before is needed too', () => {
  const renames = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
    { from: 'x', to: 'y' },
  ];
  expect([...namesBefore(['c'], renames)].sort()).toEqual(['a', 'b', 'c']);
});

test('only a rename from outside into what is chosen breaks the log', () => {
  expect(breaksLog(['a'], change('rename', 'new', {}, 'a'))).toBe(true);
  expect(breaksLog(['a', 'new'], change('rename', 'new', {}, 'a'))).toBe(false);
  expect(breaksLog([], change('rename', 'new', {}, 'a'))).toBe(false);
  expect(breaksLog(['a'], change('drop', 'a'))).toBe(false);
});
