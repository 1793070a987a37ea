import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { runCli, startHoldfastProcess } from '../support/holdfast-process.ts';
import { writeConversations } from '../support/tree.ts';

/** One clear line: what is wrong and what to do; no stack, no log. */
function expectOneLine(stderr: string, what: RegExp): void {
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(what);
  expect(stderr).not.toMatch(/\n\s+at /);
}

test('a taken port', async () => {
  using folder = tempDir();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const { code, stderr, stdout } = await runCli([
    'up',
    '--data',
    join(folder.path, 'data'),
    '--port',
    String(port),
    folder.path,
  ]);
  taken.close();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expectOneLine(stderr, new RegExp(`port ${port}.*is taken`));
});

test('a bad key in the configuration, with file, line and path', async () => {
  using folder = tempDir();
  const file = join(folder.path, 'holdfast.yaml');
  writeFileSync(file, 'host: web1\nsources:\n  kb:\n    root: .\n    prioritty: critical\n');
  for (const command of [['config', 'check'], ['up']]) {
    const { code, stderr } = await runCli([...command, '--config', file]);
    expect(code).toBe(2);
    expectOneLine(stderr, /holdfast\.yaml:5:\d+.*sources\.kb.*prioritty/);
  }
});

test('a second instance on the same data folder', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  writeConversations(root, 3);
  const data_dir = join(folder.path, 'data');
  await using _first = await startHoldfastProcess({ data_dir, args: [root] });
  const { code, stderr } = await runCli(['up', '--data', data_dir, '--port', '0', root]);
  expect(code).toBe(1);
  expectOneLine(stderr, /in use by another instance/);
});

test('a key that does not open the repository: nothing is damaged', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  writeConversations(root, 3);
  const data_dir = join(folder.path, 'data');
  const key_file = join(data_dir, 'repository.key');
  {
    await using first = await startHoldfastProcess({ data_dir, args: [root] });
    await eventually(async () => (await first.events({ type: 'BackupCreated' })).length > 0);
  }
  const before = readdirSync(join(data_dir, 'repository'), { recursive: true }).sort();
  const good = execFileSync('cat', [key_file]);
  chmodSync(key_file, 0o600);
  writeFileSync(key_file, Buffer.alloc(good.length, 'x'));
  const { code, stderr } = await runCli(['up', '--data', data_dir, '--port', '0', root]);
  expect(code).toBe(5);
  expectOneLine(stderr, /repository\.key is not a key file/);
  rmSync(key_file);
  const without = await runCli(['up', '--data', data_dir, '--port', '0', root]);
  expect(without.code).toBe(5);
  expectOneLine(without.stderr, /repository cannot be opened: .*repository\.key is not there/);
  expect(existsSync(key_file)).toBe(false);
  expect(readdirSync(join(data_dir, 'repository'), { recursive: true }).sort()).toEqual(before);

  writeFileSync(key_file, good, { mode: 0o600 });
  await using again = await startHoldfastProcess({ data_dir, args: [root] });
  expect((await again.events({ type: 'BackupCreated' })).length).toBeGreaterThan(0);
});

test('a wrong password for a repository', async () => {
  using folder = tempDir();
  const [repo, right, wrong] = ['repo', 'right', 'wrong'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(right, 'right\n');
  writeFileSync(wrong, 'wrong\n');
  expect((await runCli(['repo', 'init', '--repo', repo, '--password-file', right])).code).toBe(0);
  const { code, stderr } = await runCli(['repo', 'snapshots', '--repo', repo, '--password-file', wrong]);
  expect(code).toBe(5);
  expectOneLine(stderr, /password/);
});

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

(isRoot ? test : test.skip)('a folder that may not be read', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'private');
  mkdirSync(root, { mode: 0o700 });
  writeConversations(root, 1);
  chmodSync(folder.path, 0o777);
  const { code, stderr } = await runCli(['up', '--data', join(folder.path, 'data'), '--port', '0', root], {
    uid: NOBODY,
  });
  expect(code).toBe(1);
  expectOneLine(stderr, /private cannot be read \(EACCES\)/);
});

test('a folder that is not there; in a configuration it may come later', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  const data_dir = join(folder.path, 'data');
  const { code, stderr } = await runCli(['up', '--data', data_dir, '--port', '0', root]);
  expect(code).toBe(4);
  expectOneLine(stderr, /kb: there is no such file or folder/);

  const file = join(folder.path, 'holdfast.yaml');
  writeFileSync(file, `sources:\n  kb: { root: ${root} }\n`);
  await using waiting = await startHoldfastProcess({ data_dir, args: ['--config', file] });
  expect(await waiting.kill('SIGINT')).toBe(0);
});

test('a second signal does not wait for the draining', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  writeConversations(root, 1);
  await using running = await startHoldfastProcess({ data_dir: join(folder.path, 'data'), args: [root] });
  // Two of the same kind may arrive as one.
  process.kill(running.pid, 'SIGTERM');
  expect(await running.kill('SIGINT')).toBe(130);
});

test('the disk of the backups is not mounted at the start', async () => {
  using folder = tempDir();
  const [root, data_dir] = [join(folder.path, 'kb'), join(folder.path, 'data')];
  writeConversations(root, 1);
  {
    await using holdfast = await startHoldfastProcess({ data_dir, args: [root] });
    await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0);
    await holdfast.kill('SIGTERM');
  }
  const repository = join(data_dir, 'repository');
  rmSync(repository, { recursive: true });
  mkdirSync(repository);
  const { code, stderr, stdout } = await runCli(['up', '--data', data_dir, '--port', '0', root]);
  expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
  const [line] = stderr.split('\n').filter((each) => each.startsWith('holdfast: '));
  expect(line).toMatch(/there is no repository at .*: is its disk mounted\?/);
  expect(readdirSync(repository)).toEqual([]);
});
