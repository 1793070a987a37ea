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
