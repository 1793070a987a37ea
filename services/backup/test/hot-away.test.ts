import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import type { BackupHealth } from '@holdfast/contracts/http/backup';
import { openOrCreate } from '@holdfast/repository/repository-key';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DAY, HOUR, type Tiered, tiered } from './support/tiered.ts';

let here: Tiered;
let hot: string;

beforeEach(() => {
  here = tiered();
  hot = join(here.at.data_dir, 'repository');
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
});

const again = () => here.start({ events: here.backup.context.events });

function unmount(): void {
  renameSync(hot, `${hot}.away`);
  mkdirSync(hot);
}

function mount(): void {
  rmSync(hot, { recursive: true });
  renameSync(`${hot}.away`, hot);
}

describe('the disk of hot is not mounted at the start', () => {
  const refusal = {
    ...{ code: 'unavailable', exit_code: 6 },
    message: expect.stringMatching(/no repository at \/.*: is its disk mounted\?/),
  };

  test('the start is refused, no other repository is made, and nothing is lost when it is back', async () => {
    const { old, newest } = await here.twoBackups();
    await here.backup[Symbol.asyncDispose]();
    unmount();
    here.at.write('a.json', '{"a":"meanwhile"}');
    await expect(again()).rejects.toMatchObject(refusal);
    rmSync(hot, { recursive: true });
    await expect(again()).rejects.toMatchObject(refusal);
    expect(existsSync(hot)).toBe(false);

    mkdirSync(hot);
    mount();
    await again();
    expect(await here.backup.told('BackupDeleted')).toEqual([]);
    expect(await here.listedIn('hot')).toEqual([newest.backup_id, old.backup_id]);
    here.clock.advance(HOUR);
    const held = await here.full();
    expect(held.files_changed).toBe(1);
  });

  test('also where its database is lost, and only the history tells that there are backups', async () => {
    await here.twoBackups();
    await here.backup[Symbol.asyncDispose]();
    unmount();
    rmSync(join(here.at.data_dir, 'backup'), { recursive: true });
    await expect(again()).rejects.toMatchObject(refusal);
    expect(readdirSync(hot)).toEqual([]);
  });

  test('a repository whose config is lost is told as that', async () => {
    await here.twoBackups();
    await here.backup[Symbol.asyncDispose]();
    rmSync(join(hot, 'config'));
    await expect(again()).rejects.toMatchObject({ code: 'repo_damaged' });
  });
});

test('a disk of hot that goes away while the service runs: nothing is written into the folder that is left', async () => {
  await here.twoBackups();
  unmount();
  here.at.write('a.json', '{"a":3}');
  await here.backup.call('POST', '/api/backup', { type: 'full' });
  const health = await eventually(async () => {
    const { body } = await here.backup.call<BackupHealth>('GET', '/api/backup/health');
    return body.status === 'degraded' && body;
  });
  expect(health.sources[0]).toMatchObject({
    status: 'failing',
    detail: `there is no repository at ${hot}: is its disk mounted?`,
  });
  expect(readdirSync(hot)).toEqual([]);
  mount();
  here.clock.advance(HOUR);
  await here.backup.created(3);
});

test('a disk of hot that is lost for good: a new repository is made by hand, and goes on with the tiers that there are', async () => {
  const { old } = await here.twoBackups();
  here.clock.advance(8 * DAY);
  await here.move();
  await here.backup[Symbol.asyncDispose]();
  rmSync(hot, { recursive: true });
  rmSync(join(here.at.data_dir, 'backup/cache'), { recursive: true });
  await makeAnew();
  await again();
  await here.restored(old, 'restored');
  const first = await here.full();
  here.clock.advance(8 * DAY);
  await here.full();
  await here.until(first.backup_id, 'warm');
  expect(await here.backup.told('TierUnavailable')).toEqual([]);
});

test('a source none of whose backups is left is read anew at once', async () => {
  await here.start();
  const [only] = (await here.backup.created(1)) as [BackupManifest];
  await here.backup[Symbol.asyncDispose]();
  rmSync(hot, { recursive: true });
  rmSync(join(here.at.data_dir, 'backup/cache'), { recursive: true });
  await makeAnew();
  await again();
  const [, next] = await here.backup.created(2);
  expect(next).toMatchObject({ backup_type: 'full', reason: 'first' });
  await eventually(async () => (await here.listedIn('hot')).join() === next?.backup_id);
  expect((await here.backup.told('BackupDeleted')).map(({ subject }) => subject)).toEqual([only.backup_id]);
});

/** As `holdfast repo init --from-repo` does. */
async function makeAnew(): Promise<void> {
  const key_file = join(here.at.data_dir, 'repository.key');
  const ids_of = [join(here.at.data_dir, 'tiers/warm')];
  const made = await openOrCreate({ location: hot, key_file, ids_of, cache_dir: `${hot}.cache` });
  await made[Symbol.asyncDispose]();
}
