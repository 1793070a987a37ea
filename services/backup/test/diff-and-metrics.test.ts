import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Booted, boot, type Place, place } from './support/booted.ts';

interface Page {
  items: { path: string; change: string; size_before: number | null; size_after: number | null }[];
  next_cursor: string | null;
}

let at: Place;
let backup: Booted;
let ids: string[];

/** One backup, a change of each kind, another backup; on the real engine. */
beforeAll(async () => {
  at = place();
  for (let n = 0; n < 30; n += 1) at.write(`same/${n}.json`, `{"n":${n}}`);
  for (const name of ['changed.json', 'removed.json']) at.write(name, '{"a":1}');
  backup = await boot(at);
  const [first] = await backup.created(1);
  at.write('added.json', '{"a":1,"b":2}');
  at.write('changed.json', '{"a":1000}');
  rmSync(`${at.root}/removed.json`);
  const made = await backup.call<{ backup_id: string }>('POST', '/api/backup', { type: 'full', wait: true });
  expect(made.status).toBe(201);
  ids = [first?.backup_id ?? '', made.body.backup_id];
});
afterAll(async () => {
  await backup[Symbol.asyncDispose]();
  at[Symbol.dispose]();
});

const diff = (one: number, other: number, query = '') =>
  backup.call<Page>('GET', `/api/backup/${ids[one]}/diff/${ids[other]}${query}`, undefined, 'viewer');

describe('what differs between two backups', () => {
  test('is named, with sizes, and nothing else is', async () => {
    const { status, body } = await diff(0, 1);
    expect([status, body.next_cursor]).toEqual([200, null]);
    const lines = body.items.map(({ path, change, size_before, size_after }) =>
      [path.slice(at.root.length + 1), change, size_before, size_after].join(' '),
    );
    expect(lines).toEqual(['added.json added  13', 'changed.json changed 7 10', 'removed.json removed 7 ']);
  });

  test('the other way round, page by page', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { body: Page } = await diff(1, 0, `?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.body.items.map(({ change }) => change));
      cursor = page.body.next_cursor;
    }
    expect(seen).toEqual(['removed', 'changed', 'added']);
  });

  test('is nothing between a backup and itself', async () => {
    expect((await diff(1, 1, '?metadata=true')).body.items).toEqual([]);
  });

  test('needs two that there are', async () => {
    const reply = await backup.call('GET', `/api/backup/${ids[0]}/diff/backup_20200101_000000_full`);
    expect(reply).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

test('metrics: what was made, how long it took, how old the newest is, what it takes', async () => {
  const { status, body } = await backup.call('GET', '/api/backup/metrics', undefined, 'viewer');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    ...{ backups: 2, created: 2, failed: 0, success_rate: 1, by_type: { full: 2 }, damaged: 0 },
    repository_bytes: expect.any(Number),
    duration_seconds: { average: expect.any(Number) },
    sources: [{ source: 'bmc', created: 2, age_seconds: expect.any(Number) }],
  });
});
