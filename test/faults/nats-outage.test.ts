import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { startHoldfastProcess } from '../support/holdfast-process.ts';
import { writeConversations } from '../support/tree.ts';

const FILES = 200;

const serverPid = (data_dir: string) => Number(readFileSync(join(data_dir, 'nats', 'pid'), 'utf8'));

test('NATS killed under load: the outboxes drain, nothing is lost, nothing is told twice', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  const data_dir = join(folder.path, 'data');
  const paths = writeConversations(root, FILES);
  await using holdfast = await startHoldfastProcess({ data_dir, args: [root] });
  await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0, {
    timeout_ms: 20_000,
  });

  for (const [index, path] of paths.entries()) {
    unlinkSync(path);
    // The file names the old server until the new one runs.
    if (index % 50 === 25) await eventually(() => process.kill(serverPid(data_dir), 'SIGKILL'));
  }
  await eventually(() => paths.every((path) => existsSync(path)), {
    timeout_ms: 60_000,
    what: 'every file back',
  });

  const subjects = (type: string) =>
    eventually(
      async () => {
        const events = (await holdfast.events({ type })).map((event) => event.subject).sort();
        return events.length >= FILES && events;
      },
      { timeout_ms: 30_000, what: `${FILES} ${type}` },
    );
  expect(await subjects('FileDeleted')).toEqual([...paths].sort());
  expect(await subjects('FileRecovered')).toEqual([...paths].sort());
  const ids = (await holdfast.events()).map((event) => event.id);
  expect(new Set(ids).size).toBe(ids.length);
}, 180_000);
