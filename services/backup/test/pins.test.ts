import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { boot, checksumOf, facts, loss, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

type Health = { pins: { path: string; snapshot_id: string; exact: boolean | null }[] };

test('a case that stays open pins the backup with the very version that is wanted, not the newest', async () => {
  using at = place();
  const path = at.write('a.json', '{"a":1}');
  const good = facts(path);
  const repository = memoryRepository();
  const clock = fakeClock(Date.now());
  await using backup = await boot(at, { repository, overrides: { clock } });
  await backup.created(1);
  // Corrupt bytes come into a backup before anybody has noticed.
  writeFileSync(path, 'garbage');
  await backup.call('POST', '/api/backup', { type: 'full', wait: true });
  const data = { ...loss(path, good), reason: 'json' as const, detail: 'no JSON', actual_size: 7 };
  await backup.tell('FileCorrupted', { ...data, actual_checksum: checksumOf(path) }, path);

  const pinOf = async () => (await backup.call<Health>('GET', '/api/backup/health')).body.pins[0];
  const [newest, first] = await repository.snapshots();
  await eventually(async () => (await pinOf()) !== undefined);
  expect(await pinOf()).toEqual({ path, snapshot_id: newest?.id, exact: null });
  clock.advance(10_000);
  const resolved = await eventually(async () => {
    const pin = await pinOf();
    return pin?.exact === true && pin;
  });
  expect(resolved.snapshot_id).toBe(first?.id);
  expect(resolved.path).toBe(join(at.root, 'a.json'));
});
