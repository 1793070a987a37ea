import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { openDatabase } from '@holdfast/runtime/sqlite';
import { testContext } from '@holdfast/testkit/context';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { makeOwnCopy } from './own-copy.ts';

const repository = { id: 'r1', location: '/backups/repo' };
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();

async function copyOf(data_dir: string, signal = new AbortController().signal) {
  const context = await testContext({
    name: 'backup',
    data_dir,
    yaml: { alerts: { channels: { chat: { type: 'slack', webhook_url: 'https://hooks/hunter2' } } } },
  });
  const folder = join(data_dir, 'backup', 'holdfast');
  return { folder, copy: makeOwnCopy({ context, folder, repository, signal }) };
}

test('databases of all services, the rest of the audit log, and no key, token or password', async () => {
  using temp = tempDir();
  const data_dir = join(temp.path, 'data');
  const write = (name: string) => {
    mkdirSync(join(data_dir, name, '..'), { recursive: true });
    writeFileSync(join(data_dir, name), 'hunter2');
  };
  for (const file of ['monitor/registry.sqlite', 'backup/backup.sqlite', 'audit/log.sqlite']) {
    openDatabase(join(data_dir, file), ['CREATE TABLE a (b)']).close();
  }
  for (const file of ['admin.token', 'repository.key', 'nats/backup.creds', 'nats/store/1.blk']) write(file);
  for (const file of ['backup/cache/x.sqlite', 'audit/sign.key', 'quarantine/bad']) write(file);
  writeFileSync(join(data_dir, 'audit', 'checkpoint'), 'holdfast.audit\n12\n');
  mkdirSync(join(data_dir, 'backup', 'holdfast'));
  write('backup/holdfast/left-by-a-crash');

  const { folder, copy } = await copyOf(data_dir);
  {
    await using _ = await copy;
    expect(filesBelow(folder)).toEqual([
      ...['about.json', 'audit/checkpoint', 'audit/log.sqlite', 'backup/backup.sqlite'],
      ...['holdfast.yaml', 'monitor/registry.sqlite'],
    ]);
    const all = filesBelow(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
    expect(all.join()).not.toContain('hunter2');
    expect(JSON.parse(readFileSync(join(folder, 'about.json'), 'utf8'))).toMatchObject({
      format: 1,
      host: 'test-host',
      repository,
      databases: ['monitor/registry.sqlite', 'backup/backup.sqlite', 'audit/log.sqlite'],
    });
  }
  expect(existsSync(folder)).toBe(false);
});

test('a database is copied as of one moment while its service goes on writing, and the writer never waits', async () => {
  using temp = tempDir();
  const data_dir = join(temp.path, 'data');
  using db = openDatabase(join(data_dir, 'monitor', 'registry.sqlite'), [
    'CREATE TABLE one (n, filler); CREATE TABLE other (n)',
  ]);
  const add = db.prepare('INSERT INTO one (n, filler) VALUES (?, randomblob(2000))');
  const addOther = db.prepare('INSERT INTO other (n) VALUES (?)');
  let n = 0;
  const write = (count: number) => {
    db.exec('BEGIN');
    for (let left = count; left > 0; left--) {
      add.run(n);
      addOther.run(n++);
    }
    db.exec('COMMIT');
  };
  write(10_000);
  const { folder, copy } = await copyOf(data_dir);
  let made: AsyncDisposable | undefined;
  copy.then((done) => {
    made = done;
  });
  let writes = 0;
  for (; made === undefined; writes++) {
    write(5);
    await setImmediate();
  }
  await using _ = made;
  expect(writes).toBeGreaterThan(3);
  using copied = new DatabaseSync(join(folder, 'monitor', 'registry.sqlite'));
  expect(copied.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  const counts = copied.prepare(
    'SELECT (SELECT count(*) FROM one) AS one, (SELECT count(*) FROM other) AS other',
  );
  const { one, other } = counts.get() as { one: number; other: number };
  expect(one).toBe(other);
  expect(one).toBeGreaterThanOrEqual(10_000);
  expect(one).toBeLessThan(n);
});

test('is broken off where the service stops', async () => {
  using temp = tempDir();
  const data_dir = join(temp.path, 'data');
  openDatabase(join(data_dir, 'backup', 'backup.sqlite'), ['CREATE TABLE a (b)']).close();
  const { copy } = await copyOf(data_dir, AbortSignal.abort());
  await expect(copy).rejects.toThrow('aborted');
});
