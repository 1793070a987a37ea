import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { boot, facts, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';
import { HOUR, START } from './support/scheduled.ts';

/** A critical source with one backup, over a clock that a test moves. */
async function critical() {
  const at = place();
  const path = at.write('a.json', '{"a":1}');
  const [repository, clock] = [memoryRepository(), fakeClock(START)];
  const backup = await boot(at, { repository, overrides: { clock } });
  await backup.created(1);
  const edit = async (content: string) => {
    at.write('a.json', content);
    await backup.tell('FileModified', facts(path), path);
  };
  const [asyncDispose, dispose] = [Symbol.asyncDispose, Symbol.dispose] as const;
  const close = async () => {
    await backup[asyncDispose]();
    at[dispose]();
  };
  return { backup, repository, clock, edit, [asyncDispose]: close };
}

test('a walk that fails keeps no change from its backup', async () => {
  await using source = await critical();
  const { backup, repository, clock } = source;
  repository.onBackup = ({ changes }) => {
    if (changes === undefined) throw new Error('what is done before a walk fails');
  };
  clock.advance(HOUR);
  await eventually(async () => (await backup.told('BackupFailed')).length === 1);
  await source.edit('{"a":2}');
  const [, second] = await backup.created(2);
  expect(second).toMatchObject({ reason: 'on_change', files_changed: 1 });
  // The walk is tried again all the same.
  clock.advance(1_000);
  await eventually(async () => (await backup.told('BackupFailed')).length === 2);
  await source.edit('{"a":3}');
  clock.advance(1_000);
  expect(await backup.created(3)).toHaveLength(3);
});
