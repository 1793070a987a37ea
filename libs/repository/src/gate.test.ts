import { expect, test } from '@jest/globals';
import { createGate } from './gate.ts';

function task(log: string[], name: string) {
  const end = Promise.withResolvers<void>();
  const work = async () => {
    log.push(`${name} begins`);
    await end.promise;
    log.push(`${name} ends`);
  };
  return { work, end: () => end.resolve() };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('shared work goes side by side; what is alone waits for it, and what comes later for that', async () => {
  const gate = createGate();
  const log: string[] = [];
  const [a, b] = [task(log, 'a'), task(log, 'b')];
  const [sole, c] = [task(log, 'sole'), task(log, 'c')];
  const all = [gate.shared(a.work), gate.shared(b.work), gate.alone(sole.work), gate.shared(c.work)];
  await turn();
  expect(log).toEqual(['a begins', 'b begins']);
  b.end();
  a.end();
  await turn();
  expect(log.slice(2)).toEqual(['b ends', 'a ends', 'sole begins']);
  sole.end();
  c.end();
  await Promise.all(all);
  expect(log.slice(5)).toEqual(['sole ends', 'c begins', 'c ends']);
});

test('what fails fails for its caller alone', async () => {
  const gate = createGate();
  const failing = gate.alone(async () => {
    throw new Error('no');
  });
  const after = gate.shared(async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await after).toBe('done');
});
