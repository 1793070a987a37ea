import { expect, test } from '@jest/globals';
import { UnderWay } from './under-way.ts';

test('no more goes on at once than is wanted, and all of it is done in the end', async () => {
  const under_way = new UnderWay();
  let [running, running_max, done] = [0, 0, 0];
  const work = async () => {
    running += 1;
    running_max = Math.max(running_max, running);
    await new Promise(setImmediate);
    running -= 1;
    done += 1;
  };
  for (let at = 0; at < 20; at += 1) await under_way.begin(3, work);
  await under_way.settled();
  expect([running_max, done]).toEqual([3, 20]);
});

test('a failure is told to who begins next, and to who waits', async () => {
  const under_way = new UnderWay();
  const fail = () => Promise.reject(new Error('one'));
  await under_way.begin(1, fail);
  await expect(under_way.begin(1, fail)).rejects.toThrow('one');
  await expect(under_way.settled()).rejects.toThrow('one');
});
