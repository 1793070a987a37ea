import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const FILES = 60;
const files = () =>
  Object.fromEntries(
    Array.from({ length: FILES }, (_, n) => [`d${n % 6}/f${n}.csv`, `id;precio\n${n};1${n}\n`.repeat(40)]),
  );
const noise = () => randomBytes(600);

/** One alarm, of this source; how many files had suffered by then. */
async function alarm(lab: Lab) {
  await lab.settled();
  const alarms = await lab.of('MassChangeDetected');
  expect(alarms).toHaveLength(1);
  return alarms[0]?.data;
}

describe('an attack raises one alarm', () => {
  test('where files are encrypted in place', async () => {
    await using lab = await Lab.start({ files: files() });
    for (const name of Object.keys(files())) writeFileSync(lab.path(name), noise());
    const told = await alarm(lab);
    expect(told).toMatchObject({ source: 'lab', verdict: 'alarm' });
    expect(told?.kinds['scrambled']).toBeGreaterThanOrEqual(8);
    expect(told?.entropy_mean).toBeGreaterThan(7);
  });

  test('where they are encrypted under a new ending', async () => {
    await using lab = await Lab.start({ files: files() });
    for (const name of Object.keys(files())) {
      writeFileSync(lab.path(`${name}.locked`), noise());
      rmSync(lab.path(name));
    }
    expect((await alarm(lab))?.files).toBeLessThan(FILES);
  });

  test('where they are only renamed', async () => {
    await using lab = await Lab.start({ files: files() });
    for (const name of Object.keys(files())) renameSync(lab.path(name), lab.path(`${name}.pay`));
    expect((await alarm(lab))?.kinds['renamed']).toBeGreaterThanOrEqual(8);
  });

  test('where they are packed and deleted', async () => {
    await using lab = await Lab.start({ files: files() });
    execFileSync('tar', ['-czf', lab.path('all.tgz'), ...Object.keys(files())], { cwd: lab.root });
    for (const name of Object.keys(files())) rmSync(lab.path(name));
    expect((await alarm(lab))?.kinds['deleted']).toBeGreaterThanOrEqual(40);
  });

  test('and a canary at once', async () => {
    const monitor = { canaries: ['aaa-*.csv'] };
    await using lab = await Lab.start({ files: { ...files(), 'aaa-clientes.csv': 'a;b\n' }, monitor });
    lab.write({ 'aaa-clientes.csv': 'a;c\n' });
    expect((await alarm(lab))?.kinds).toEqual({ canary: 1 });
  });

  test('which outlives a restart, and is not told again while it goes on', async () => {
    await using lab = await Lab.start({ files: files() });
    const names = Object.keys(files());
    for (const name of names.slice(0, 6)) writeFileSync(lab.path(name), noise());
    await lab.settled();
    expect(await lab.of('MassChangeDetected')).toEqual([]);
    await lab.stop();
    await lab.start();
    for (const name of names.slice(6, 9)) writeFileSync(lab.path(name), noise());
    await alarm(lab);
    await lab.stop();
    await lab.start();
    for (const name of names.slice(9)) writeFileSync(lab.path(name), noise());
    await alarm(lab);
  });
});

describe('ordinary work raises none', () => {
  test('edits, backups, packing, rotations', async () => {
    await using lab = await Lab.start({ files: files() });
    for (const [name, content] of Object.entries(files())) lab.write({ [name]: `${content}more\n` });
    await lab.settled();
    for (const name of Object.keys(files())) renameSync(lab.path(name), lab.path(`${name}.bak`));
    execFileSync('tar', ['-czf', 'all.tgz', 'd0', 'd1'], { cwd: lab.root });
    await lab.settled();
    expect(await lab.of('MassChangeDetected')).toEqual([]);
  });
});
