import { expect, test } from '@jest/globals';
import type { TreeItem } from '../tree/cursor.ts';
import { ParentCursor } from './parent-cursor.ts';

async function* leaves(...keys: string[][]): AsyncGenerator<TreeItem[]> {
  for (const leaf of keys) yield leaf.map((key) => ({ key, value: Buffer.from(key) }));
}

function cursorOver(...keys: string[][]) {
  const told: string[] = [];
  const cursor = new ParentCursor(leaves(...keys), {
    on_passed: ({ key }) => void told.push(key),
    room: async () => void told.push('|'),
  });
  return { cursor, told };
}

test('what is passed is worked off leaf by leaf, also where all the rest is gone', async () => {
  const { cursor, told } = cursorOver(['a', 'b'], ['c', 'd'], ['e'], ['f', 'g']);
  await cursor.load('d');
  expect(cursor.take('d')?.toString()).toBe('d');
  expect(told.join('')).toBe('ab|c');
  await cursor.finish();
  expect(told.join('')).toBe('ab|ce|fg|');
});

test('a leaf of which nothing is passed waits for nothing', async () => {
  const { cursor, told } = cursorOver(['a'], ['b']);
  for (const key of ['a', 'b']) {
    await cursor.load(key);
    cursor.take(key);
  }
  await cursor.finish();
  expect(told).toEqual([]);
});
