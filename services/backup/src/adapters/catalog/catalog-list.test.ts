import { BackupSort } from '@holdfast/contracts/http/backup';
import { transaction } from '@holdfast/runtime/sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openBackupDatabase } from '../database.ts';
import { createCatalogList, type ListQuery, listStatement } from './catalog-list.ts';

const COUNT = 100_000;
const db = openBackupDatabase(':memory:');
const list = createCatalogList(db);

beforeAll(() => {
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, reason, tier)
     VALUES (?, ?, ?, ?, ?, ?, '{}', 'schedule', 'hot')`,
  );
  transaction(db, () => {
    for (let number = 0; number < COUNT; number++) {
      const id = `b${String(number).padStart(6, '0')}`;
      // Every tenth time has two backups, and sizes come again and again.
      const time_ms = Math.floor(number / 10) * 10 + (number % 10 === 9 ? 8 : number % 10);
      const type = number === 7 ? 'snapshot' : 'full';
      insert.run(id, id, number % 3 === 0 ? 'logs' : 'bmc', type, time_ms, number % 1000);
    }
  });
});

afterAll(() => db.close());

const narrowings: Partial<ListQuery>[] = [
  {},
  { source: 'bmc' },
  { type: 'snapshot' },
  { tier: 'hot', since_ms: 500, before_ms: 90_000 },
  { source: 'logs', type: 'full', since_ms: 500 },
];
const cases = BackupSort.options.flatMap((sort) =>
  narrowings.flatMap((narrowing) => [
    { sort, ...narrowing },
    { sort, ...narrowing, from: { value: 600, backup_id: 'b000600' } },
  ]),
);

describe(`a page of ${COUNT} backups`, () => {
  test.each(cases)('is read along an index and never sorted: %j', (query) => {
    const { sql, values } = listStatement(query);
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values, 100) as { detail: string }[];
    expect(plan).toHaveLength(1);
    expect(plan[0]?.detail).toMatch(/^(SCAN|SEARCH) backups USING INDEX backups_/);
    // With a source, and with a cursor, it starts at its place.
    if (query.source !== undefined || 'from' in query) expect(plan[0]?.detail).toMatch(/^SEARCH/);
  });

  test.each(['timestamp_desc', 'size_asc'] as const)('pages of %s are each backup once, in order', (sort) => {
    const seen: string[] = [];
    const values: number[] = [];
    let from: ListQuery['from'];
    for (;;) {
      const page = list.page({ sort, source: 'logs', from }, 1000);
      seen.push(...page.map(({ place }) => place.backup_id));
      values.push(...page.map(({ place }) => place.value));
      from = page.at(-1)?.place;
      if (page.length < 1000) break;
    }
    expect(new Set(seen).size).toBe(Math.ceil(COUNT / 3));
    expect(seen).toHaveLength(Math.ceil(COUNT / 3));
    const sorted = values.toSorted((one, other) => (sort === 'size_asc' ? one - other : other - one));
    expect(values).toEqual(sorted);
  });
});
