import { expect, test } from '@jest/globals';
import { createLine, createLines } from './line.ts';

test('one at a time, in order; one that fails is told to who asked, and keeps nobody back', async () => {
  const line = createLine();
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const first = line.run(async () => {
    await gate.promise;
    seen.push('first');
    throw new Error('no');
  });
  const second = line.run(async () => seen.push('second'));
  gate.resolve();
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe(2);
  await line.over();
  expect(seen).toEqual(['first', 'second']);
});

test('lines of different names do not wait for each other, and are over together', async () => {
  const lines = createLines();
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const slow = lines.run('a', async () => {
    await gate.promise;
    seen.push('a');
  });
  await lines.run('b', async () => seen.push('b'));
  expect(seen).toEqual(['b']);
  gate.resolve();
  await lines.over();
  await slow;
  expect(seen).toEqual(['b', 'a']);
});
