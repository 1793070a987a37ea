import { HoldfastError } from '@holdfast/contracts/errors';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from '../../services/backup/test/support/booted.ts';
import { memoryRepository } from '../../services/backup/test/support/memory-repository.ts';
import { runCli } from '../support/holdfast-process.ts';

let at: Place;
let backup: Booted;
let token: string;

beforeAll(async () => {
  at = place();
  at.write('a.json', '{"a":1}');
  backup = await boot(at, {
    repository: memoryRepository(),
    sources: { bmc: { root: at.root } },
    yaml: {
      time_zone: 'UTC',
      rotation: { daily: { keep_count: 1 } },
      storage: { tiers: { hot: { auto_cleanup: false } } },
      schedule: { before_deployment: { type: 'snapshot' } },
    },
  });
  await backup.created(1);
  token = await backup.token('admin');
});

afterAll(async () => {
  await backup?.[Symbol.asyncDispose]();
  at?.[Symbol.dispose]();
});

const holdfast = (...args: string[]) => runCli([...args, '--url', backup.service.url, '--token', token]);

test('tiers: where backups are, and where each belongs', async () => {
  const shown = await holdfast('tiers');
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(/^hot +ok +\d+ /m);
  expect(JSON.parse((await holdfast('tiers', '--json')).stdout).items).toMatchObject([{ tier: 'hot' }]);
  const dry = await holdfast('tiers', 'move', '--dry-run');
  expect(dry.stdout).toMatch(/hot +hot +stay +newest good/);
  expect(dry.stdout.trim()).toMatch(/0 backups would be moved$/);
  expect(JSON.parse((await holdfast('tiers', 'move', '--json')).stdout)).toMatchObject({
    copied: 0,
    waiting: 0,
  });
});

test('create before a deployment, list it, and clean up', async () => {
  const created = await holdfast('create', '--reason', 'before_deployment', '--wait');
  expect(created).toMatchObject({ code: 0, stderr: '' });
  expect(created.stdout).toMatch(/^backup_\d{8}_\d{6}_snapshot\n$/);
  for (const _ of [1, 2]) await holdfast('create', '--wait');

  const listed = await holdfast(
    'list',
    '--type',
    'snapshot',
    '--tier',
    'hot',
    '--after',
    '2020-01-01',
    '--json',
  );
  expect(JSON.parse(listed.stdout).items.map((one: { backup_id: string }) => one.backup_id)).toEqual([
    created.stdout.trim(),
  ]);

  const dry = await holdfast('cleanup', '--dry-run');
  expect(dry.stdout).toMatch(/stay +newest good, newest of kind, daily/);
  expect(dry.stdout).toMatch(/go +not in rotation/);
  expect(dry.stdout.trim()).toMatch(/2 backups would go, 2 would stay$/);
  expect((await holdfast('cleanup')).stdout.trim()).toMatch(/2 backups removed, 2 kept$/);
  expect(JSON.parse((await holdfast('cleanup', '--json')).stdout)).toMatchObject({ removed: 0, kept: 2 });
});

test('a snapshot of several sources: named by create and shown as one; what a restore lacks is exit code 3', async () => {
  using two = place();
  for (const name of ['one', 'two']) two.write(`${name}/file`, name);
  const sources = Object.fromEntries(['one', 'two'].map((name) => [name, { root: `${two.root}/${name}` }]));
  const repository = memoryRepository();
  await using booted = await boot(two, { repository, sources });
  await booted.created(2);
  const access = ['--url', booted.service.url, '--token', await booted.token('admin')];
  const run = (...args: string[]) => runCli([...args, ...access]);

  const created = await run('create', '--type', 'snapshot', '--wait');
  expect(created).toMatchObject({ code: 0, stderr: '' });
  const [first, second, group] = created.stdout
    .split(/\s/)
    .filter((word) => /^(backup|snapshot)_/.test(word));
  expect(group).toMatch(/^snapshot_\d{8}_\d{6}$/);
  const shown = JSON.parse((await run('show', group ?? '')).stdout);
  expect(shown.items.map((one: { backup_id: string }) => one.backup_id).sort()).toEqual(
    [first, second].sort(),
  );
  expect((await run('show', 'snapshot_20200101_000000')).code).toBe(4);

  repository.onBackup = ({ source }) => {
    if (source === 'one') throw new HoldfastError('storage_full', 'no room');
  };
  const partly = await run('create', '--type', 'snapshot', '--wait');
  expect(partly.code).toBe(3);
  expect(partly.stdout).toMatch(/^backup_\d{8}_\d{6}(_\d+)?_snapshot(_\d+)?\n$/);
  expect(partly.stderr).toMatch(/not made: one: .*no room/);
  const id = JSON.parse((await run('show', partly.stdout.trim())).stdout).moment.group_id;
  const restored = await run('restore', id, '--target', `${two.root}/../back`);
  expect(restored.code).toBe(3);
  expect(restored.stderr).toMatch(/not restored: source one: its backup failed: .*no room/);
});

describe('schedule', () => {
  test('set makes and changes, list shows', async () => {
    expect((await holdfast('schedule', 'set', 'daily', '--type', 'full', '--time', '02:00')).stdout).toMatch(
      /^daily: full of bmc; next at /,
    );
    await holdfast('schedule', 'set', 'daily', '--cron', '30 4 * * *');
    const shown = await holdfast('schedule', 'list', '--json');
    expect(JSON.parse(shown.stdout).items).toMatchObject([
      { name: 'before_deployment', cron: null },
      { name: 'daily', type: 'full', cron: '30 4 * * *', config: { type: 'full' }, version: 2 },
    ]);
    expect((await holdfast('schedule', 'set', 'daily', '--disable')).stdout).toMatch(/disabled/);
    expect((await holdfast('schedule', 'list')).stdout).toMatch(/daily +full +disabled/);
  });

  test('what is wrong is said in one line', async () => {
    const wrong = await holdfast('schedule', 'set', 'nightly', '--time', '02:00');
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toMatch(/nightly: write cron, or every/);
    const nothing = await holdfast('schedule', 'set', 'daily');
    expect(nothing.code).toBe(2);
    const both = await holdfast('schedule', 'set', 'daily', '--enable', '--disable');
    expect(both.code).toBe(2);
  });
});
