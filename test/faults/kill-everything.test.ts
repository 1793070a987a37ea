import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import {
  type AuditedEvent,
  type HoldfastProcess,
  startHoldfastProcess,
} from '../support/holdfast-process.ts';
import { conversation, writeConversations } from '../support/tree.ts';

const KILLS = 10;
const FILES = 60;

/** Deletes and edits until it is told to stop; `wanted` says what each file should hold at the end. */
async function busy(paths: readonly string[], wanted: Map<string, Buffer>, until_ms: number): Promise<void> {
  while (performance.now() < until_ms) {
    const path = paths[randomInt(paths.length)] ?? '';
    if (existsSync(path)) unlinkSync(path);
    const edited = paths[randomInt(paths.length)] ?? '';
    if (existsSync(edited) && edited !== path) {
      wanted.set(edited, Buffer.from(conversation(randomInt(1e6))));
      writeFileSync(edited, wanted.get(edited) ?? '');
    }
    await pause(randomInt(15));
  }
}

async function allBack(paths: readonly string[]): Promise<void> {
  await eventually(() => paths.every((path) => existsSync(path)), {
    timeout_ms: 30_000,
    what: 'every file back',
  });
}

const idsOf = (events: readonly AuditedEvent[]) => events.map((event) => event.id);

test('killed ten times in the middle of work: no event lost, none twice, what went missing meanwhile is back', async () => {
  using folder = tempDir();
  const root = join(folder.path, 'kb');
  const data_dir = join(folder.path, 'data');
  const paths = writeConversations(root, FILES, 3000);
  const wanted = new Map<string, Buffer>();
  let seen: string[] = [];

  const start = (): Promise<HoldfastProcess> => startHoldfastProcess({ data_dir, args: [root] });
  for (let round = 0; round < KILLS; round++) {
    const holdfast = await start();
    try {
      await allBack(paths);
      if (round === 0)
        await eventually(async () => (await holdfast.events({ type: 'BackupCreated' })).length > 0);
      await busy(paths, wanted, performance.now() + 200 + randomInt(800));
      seen = idsOf(await holdfast.events());
    } finally {
      await holdfast.kill('SIGKILL');
    }
    const gone = paths[randomInt(FILES)] ?? '';
    if (existsSync(gone)) unlinkSync(gone);
    const after = new Set(seen);
    expect(after.size).toBe(seen.length);
  }

  await using holdfast = await start();
  await allBack(paths);
  for (const path of paths) expect(() => JSON.parse(readFileSync(path, 'utf8'))).not.toThrow();
  const events = await holdfast.events();
  const ids = new Set(idsOf(events));
  expect(ids.size).toBe(events.length);
  expect(seen.filter((id) => !ids.has(id))).toEqual([]);
  const indexes = events.map((event) => event.auditindex).sort((a, b) => a - b);
  expect(indexes).toEqual(indexes.map((_, place) => (indexes[0] ?? 0) + place));
}, 300_000);
