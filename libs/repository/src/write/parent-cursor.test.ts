import { expect, test } from '@jest/globals';
import { ParentCursor } from './parent-cursor.ts';

const LEAVES = 50;

test('entries that are passed wait for room, leaf by leaf', async () => {
  const value = Buffer.alloc(1);
  async function* leaves() {
    for (let leaf = 0; leaf < LEAVES; leaf += 1) {
      yield [0, 1, 2, 3].map((at) => ({ key: `${100 + leaf}/${at}`, value }));
    }
  }
  let waiting = 0;
  let waiting_max = 0;
  let passed = 0;
  const cursor = new ParentCursor(leaves(), {
    on_passed: () => {
      passed += 1;
      waiting += 1;
      waiting_max = Math.max(waiting_max, waiting);
    },
    room: async () => {
      waiting = 0;
    },
  });
  await cursor.load('120/0');
  await cursor.finish();
  expect(passed).toBe(LEAVES * 4);
  expect(waiting_max).toBe(4);
});
