import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { openOrCreate, repositoryIdAt } from '@holdfast/repository/repository-key';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DAY, type Tiered, tiered, tierWith } from './support/tiered.ts';

let here: Tiered;

beforeEach(() => {
  here = tiered();
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
});

describe('cut off', () => {
  /** A process that is gone: nothing of it is closed, and nothing of it goes on. */
  async function killedAt(method: 'copy_from' | 'snapshots', when: 'before' | 'after') {
    const [reached, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    const openTier = tierWith(method, async (call) => {
      if (when === 'after') await call();
      reached.resolve();
      return dead.promise;
    });
    const { old } = await here.twoBackups({ openTier });
    const first = here.backup;
    here.clock.advance(8 * DAY);
    await reached.promise;
    await here.start({ events: first.context.events });
    const end = async () => {
      dead.reject(new Error('the end of the test'));
      await first[Symbol.asyncDispose]();
    };
    return { old, end };
  }

  test.each([
    ['before the copy', 'copy_from', 'before'],
    ['after the copy is committed and before it is verified', 'copy_from', 'after'],
    ['as the copy is looked for', 'snapshots', 'after'],
  ] as const)('%s: the next start goes on', async (_what, method, when) => {
    const { old, end } = await killedAt(method, when);
    await here.until(old.backup_id, 'warm');
    expect((await here.backup.told('BackupCopied')).map(({ data }) => data.tier)).toEqual(['warm']);
    expect((await here.backup.told('BackupCopyRemoved')).map(({ data }) => data.tier)).toEqual(['hot']);
    await here.restored(old, 'restored');
    await end();
  });
});

test('a lost database and an empty history: what is in warm only is found again, verified and told', async () => {
  const { old, newest } = await here.twoBackups();
  here.clock.advance(8 * DAY);
  await here.move();
  const before = (await here.backup.told('BackupCreated')).map(({ id }) => id).sort();
  await here.backup[Symbol.asyncDispose]();
  rmSync(join(here.at.data_dir, 'backup'), { recursive: true });
  await here.start({ events: createMemoryStore() });
  await eventually(async () => (await here.backup.told('BackupCreated')).length === 2);
  expect((await here.backup.told('BackupCreated')).map(({ id }) => id).sort()).toEqual(before);
  expect([await here.tiersOf(old.backup_id), await here.tiersOf(newest.backup_id)]).toEqual([
    ['warm'],
    ['hot'],
  ]);
  await here.restored(old, 'restored');
});

/** Backups by id that stand in the repository of a tier. */
async function standingIn(location: string): Promise<string[]> {
  const key_file = join(here.at.data_dir, 'repository.key');
  const cache_dir = join(here.at.root, '../looking', location);
  try {
    await repositoryIdAt(location);
  } catch {
    return []; // It is not made yet.
  }
  await using repository = await openOrCreate({ location, key_file, cache_dir });
  return (await repository.snapshots()).map(({ metadata }) => String(metadata['backup_id']));
}

/** How much stands in some folders: it changes with each step of a move. */
function objectsIn(folders: readonly string[]): number {
  return folders
    .filter((folder) => existsSync(folder))
    .reduce((sum, folder) => sum + readdirSync(folder, { recursive: true }).length, 0);
}

test('killed again and again while it moves: every backup stands somewhere, and in the end where it belongs', async () => {
  const { old, newest } = await here.twoBackups();
  const ids = [old.backup_id];
  for (let n = 0; n < 5; n += 1) {
    here.clock.advance(1000);
    here.at.write('noise', randomBytes(2_000_000).toString('base64'));
    ids.push((await here.full()).backup_id);
  }
  ids.push(newest.backup_id);
  const now_ms = here.clock.now_ms() + 8 * DAY;
  await here.backup[Symbol.asyncDispose]();
  const program = new URL('./support/mover-process.ts', import.meta.url).pathname;
  const folders = ['repository', 'tiers/warm'].map((name) => join(here.at.data_dir, name));
  for (let round = 0; round < 5; round += 1) {
    const args = [here.at.root, here.at.data_dir, String(now_ms)];
    const child = fork(program, args, { execArgv: [], stdio: 'inherit' });
    const objects = objectsIn(folders);
    const exit = once(child, 'exit');
    let is_done = false;
    child.once('message', () => {
      is_done = true;
    });
    try {
      // A little further each time, in the midst of whatever it does then.
      await eventually(() => is_done || objectsIn(folders) >= objects + 1 + round, { timeout_ms: 30_000 });
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
    const standing = new Set((await Promise.all(folders.map(standingIn))).flat());
    expect(ids.filter((id) => !standing.has(id))).toEqual([]);
  }
  here.clock.advance(8 * DAY);
  await here.start();
  await here.move();
  const last = ids.at(-2) as string;
  const places = await Promise.all(ids.map(here.tiersOf));
  expect(places).toEqual(ids.map((id) => [id === last ? 'hot' : 'warm']));
  for (const backup_id of ids) await here.restored({ backup_id }, `restored-${backup_id}`);
  expect(await here.backup.told('BackupVerificationFailed')).toEqual([]);
}, 60_000);
