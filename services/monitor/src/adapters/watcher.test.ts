import { expect, test } from '@jest/globals';
import { drainCounter } from './watcher.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

test('too many events in one drain of the loop are told once, with their number', async () => {
  const told: number[] = [];
  const count = drainCounter(3, (events) => told.push(events));
  for (let events = 0; events < 5; events += 1) count();
  await nextTurn();
  expect(told).toEqual([5]);
});

test('as many in several drains are nothing', async () => {
  const told: number[] = [];
  const count = drainCounter(3, (events) => told.push(events));
  for (let drains = 0; drains < 4; drains += 1) {
    count();
    count();
    await nextTurn();
  }
  expect(told).toEqual([]);
});
