import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { openEventLog } from '../src/adapters/event-log.ts';
import { EVERYTHING } from '../src/domain/query/query.ts';

/** Appends until `said` events are durable, then is killed in the middle of what it does. Resolves with what it said last. */
async function appendUntilKilled(file: string, start: number, said: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'append-forever.ts'), file, String(start)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  let told = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    told = Number(chunk.toString().trim().split('\n').at(-1));
    if (told >= said) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return told;
}

test('killed in the middle of appends: what was told durable is there, without a hole, nothing twice', async () => {
  using dir = tempDir();
  const file = join(dir.path, 'log.sqlite');
  let size = 0;
  for (const said of [60, 400, 1000]) {
    const told = await appendUntilKilled(file, size, said);
    using log = openEventLog(file);
    size = log.size();
    expect(size).toBeGreaterThanOrEqual(told);
    expect(size % 20).toBe(0);
    expect(log.position().seq).toBe(size);
    const last = log.entry(String(size - 1));
    expect(JSON.parse(new TextDecoder().decode(last?.bytes)).data.size).toBe(size - 1);
    const seen = new Set<string>();
    let places = 0;
    for (let after: number | null = -1; after !== null; ) {
      const page = await log.page(EVERYTHING, { limit: 1000, order: 'asc', after });
      for (const entry of page.entries) seen.add(JSON.parse(new TextDecoder().decode(entry.bytes)).id);
      places += page.entries.length;
      after = page.next_after;
    }
    expect([places, seen.size]).toEqual([size, size]);
  }
});
