import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { type FakeClock, fakeClock } from '@holdfast/testkit/fake-clock';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { waitForRepository } from '../src/adapters/wait-for-repository.ts';

function placeIn(folder: string) {
  const [location, key_file, cache_dir] = ['repository', 'repository.key', 'cache'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  return { location, key_file, cache_dir, ids_of: [] };
}

/** Lets time go by, and what waits for it work, until the promise is settled. */
async function letTimePass<Result>(waiting: Promise<Result>, clock: FakeClock): Promise<Result> {
  let is_over = false;
  const end = () => {
    is_over = true;
  };
  waiting.then(end, end);
  while (!is_over) {
    clock.advance(1_000);
    await setImmediate();
  }
  return waiting;
}

test('the backup service makes the repository, and recovery waits for it', async () => {
  using folder = tempDir();
  const place = placeIn(folder.path);
  const clock = fakeClock();
  const waiting = waitForRepository(place, clock);
  await using made = await openOrCreate({ ...place, cache_dir: join(folder.path, 'other-cache') });
  await using found = await letTimePass(waiting, clock);
  expect(found.id).toBe(made.id);
});

test('where none comes it is refused, and neither a repository nor a key is made', async () => {
  using folder = tempDir();
  const place = placeIn(folder.path);
  const refusal = {
    code: 'unavailable',
    exit_code: 6,
    message: expect.stringContaining('is its disk mounted'),
  };
  const first = fakeClock();
  await expect(letTimePass(waitForRepository(place, first), first)).rejects.toMatchObject(refusal);
  expect(existsSync(place.key_file)).toBe(false);

  await (await openOrCreate(place))[Symbol.asyncDispose]();
  rmSync(place.location, { recursive: true });
  mkdirSync(place.location);
  const second = fakeClock();
  await expect(letTimePass(waitForRepository(place, second), second)).rejects.toMatchObject(refusal);
  expect(readdirSync(place.location)).toEqual([]);
});
