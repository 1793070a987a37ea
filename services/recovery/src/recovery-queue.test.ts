import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { RecoveryQueue } from './recovery-queue.ts';
import type { Task, TurnResult } from './task.ts';

const DONE: TurnResult = { kind: 'done', attempt: { kind: 'superseded', reason: '' }, duration_ms: 0 };
const LATER: TurnResult = { kind: 'later', delay_ms: 50, until_backup: true };

const taskOf = (case_id: string, path = case_id, source = 'docs') =>
  ({ state: { case_id, path, source }, turns: 0, waiting_since_ms: null }) as unknown as Task;
const ids = (tasks: readonly Task[]) => tasks.map(({ state }) => state.case_id);
const all = (tasks: readonly Task[], result: TurnResult) => new Map(ids(tasks).map((id) => [id, result]));

/** A queue whose batches end when the test says so. */
function observed() {
  const batches: { ids: string[]; end: (result?: TurnResult) => void }[] = [];
  const clock = fakeClock();
  const queue = new RecoveryQueue({
    clock,
    urgency: ({ state }) => (state.source === 'critical' ? 0 : 1),
    work: (tasks) =>
      new Promise((resolve) => {
        batches.push({ ids: ids(tasks), end: (result = DONE) => resolve(all(tasks, result)) });
      }),
  });
  const batch = (number: number) => eventually(() => batches[number]);
  return { queue, clock, batches, batch };
}

test('what came together is one batch, the most urgent first, and work begins at once', async () => {
  const { queue, batches } = observed();
  queue.add([taskOf('a'), taskOf('b', 'b', 'critical')]);
  expect(batches.map((each) => each.ids)).toEqual([['b', 'a']]);
});

test('two losses of one path are never worked on at a time', async () => {
  const { queue, batches, batch } = observed();
  queue.add([taskOf('first', '/a')]);
  queue.add([taskOf('second', '/a'), taskOf('other', '/b')]);
  expect(batches.map((each) => each.ids)).toEqual([['first'], ['other']]);
  batches[0]?.end();
  expect((await batch(2)).ids).toEqual(['second']);
});

test('what is put off has another turn after its time, or when a backup was made', async () => {
  const { queue, clock, batches, batch } = observed();
  queue.add([taskOf('a')]);
  batches[0]?.end(LATER);
  await eventually(() => clock.waiting() === 1);
  clock.advance(50);
  (await batch(1)).end(LATER);
  await eventually(() => clock.waiting() === 1);
  queue.onBackup('docs');
  expect((await batch(2)).ids).toEqual(['a']);
});

test('a path that is called off is taken out, or has one last turn where it was in work', async () => {
  const { queue, batches, batch } = observed();
  queue.add([taskOf('working', '/a')]);
  queue.add([taskOf('waiting', '/a')]);
  expect(ids(queue.callOff('/a'))).toEqual(['waiting']);
  expect(queue.isCalledOff('working')).toBe(true);
  batches[0]?.end(LATER);
  const last = await batch(1);
  expect(last.ids).toEqual(['working']);
  last.end();
  await eventually(() => !queue.isCalledOff('working'));
});

test('a batch that could not be worked on at all ends the queue', async () => {
  const work = () => Promise.reject(new Error('the disk cannot be trusted'));
  const queue = new RecoveryQueue({ clock: fakeClock(), urgency: () => 0, work });
  queue.add([taskOf('a')]);
  await expect(queue.failed).rejects.toThrow('cannot be trusted');
});
