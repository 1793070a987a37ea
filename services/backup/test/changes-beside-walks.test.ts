import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { boot, facts, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';
import { HOUR, START } from './support/scheduled.ts';

let held: AsyncDisposableStack;

beforeEach(() => {
  held = new AsyncDisposableStack();
});
afterEach(() => held.disposeAsync());

/** A critical source with one backup, over a clock that a test moves. */
async function critical() {
  const at = held.use(place());
  const path = at.write('a.json', '{"a":1}');
  const [repository, clock] = [memoryRepository(), fakeClock(START)];
  const backup = held.use(await boot(at, { repository, overrides: { clock } }));
  await backup.created(1);
  const edit = async (content: string) => {
    at.write('a.json', content);
    await backup.tell('FileModified', facts(path), path);
  };
  return { backup, repository, clock, edit };
}

test('a walk that fails keeps no change from its backup', async () => {
  const { backup, repository, clock, edit } = await critical();
  repository.onBackup = ({ changes }) => {
    if (changes === undefined) throw new Error('what is done before a walk fails');
  };
  clock.advance(HOUR);
  await eventually(async () => (await backup.told('BackupFailed')).length === 1);
  await edit('{"a":2}');
  const [, second] = await backup.created(2);
  expect(second).toMatchObject({ reason: 'on_change', files_changed: 1 });
  // The walk is tried again all the same.
  clock.advance(1_000);
  await eventually(async () => (await backup.told('BackupFailed')).length === 2);
  await edit('{"a":3}');
  clock.advance(1_000);
  expect(await backup.created(3)).toHaveLength(3);
});
