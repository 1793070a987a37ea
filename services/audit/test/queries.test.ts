import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { AuditFilters, Order } from '@holdfast/contracts/http/audit';
import { subjectOf } from '@holdfast/contracts/subjects';
import { subjectMatches } from '@holdfast/event-store/subject-match';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openEventLog } from '../src/adapters/event-log.ts';
import { auditQuery } from '../src/domain/query/query.ts';
import { words } from '../src/domain/query/words.ts';
import { sampleHistory } from './sample-events.ts';

const history = sampleHistory(3000);
const log = openEventLog(':memory:');
for (let at = 0; at < history.length; at += 500) log.append(history.slice(at, at + 500));
afterAll(() => log[Symbol.dispose]());

/** The filters once more, written in the simplest way: what every plan must agree with. */
function fits(event: HoldfastEvent, filters: AuditFilters): boolean {
  const { type, subject, source, actor, host, correlation_id, since, until, q } = filters;
  const of = event.data as { source: string };
  return (
    (type === undefined || type.split(',').includes(event.type)) &&
    (subject === undefined || subjectFits(event, subject)) &&
    (source === undefined || [event.source, of.source].includes(source)) &&
    (actor === undefined || event.actor === actor) &&
    (host === undefined || event.source.split('/')[1] === host) &&
    (correlation_id === undefined || event.correlationid === correlation_id) &&
    (since === undefined || event.time >= since) &&
    (until === undefined || event.time <= until) &&
    (q === undefined || words(q).every((word) => words(`${event.subject} ${event.source}`).includes(word)))
  );
}

function subjectFits(event: HoldfastEvent, subject: string): boolean {
  if (subject.startsWith('holdfast.')) return subjectMatches(subject, subjectOf(event));
  return subject.endsWith('*') ? event.subject.startsWith(subject.slice(0, -1)) : event.subject === subject;
}

async function allPages(filters: AuditFilters, order: Order, limit: number): Promise<number[]> {
  const places: number[] = [];
  let after: number | undefined;
  for (;;) {
    const page = await log.page(auditQuery(filters), { limit, order, after });
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    places.push(...page.entries.map(({ index }) => index));
    if (page.next_after === null) return places;
    after = page.next_after;
  }
}

const some = <Value>(...values: Value[]) =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
const anyFilters = fc.record(
  {
    type: some('FileDeleted', 'FileModified', 'FileDeleted,FileModified', 'Nothing'),
    subject: some(
      '/srv/bmc/data/kb_populated_0007.json',
      '/srv/bmc/*',
      '/srv/bmc/data/kb_populated_000*',
      '/nowhere*',
      'holdfast.event.*.*.web1.>',
      'holdfast.event.file.FileDeleted.>',
      'holdfast.event.backup.>',
    ),
    source: some('conversations', 'system_state', 'holdfast/web0/monitor', 'holdfast/web9/monitor'),
    actor: some('ana', 'unknown', 'holdfast'),
    host: some('web0', 'web1', 'web9'),
    correlation_id: some('correlation-7', 'correlation-none'),
    since: some('2026-11-23T00:00:10.000Z', '2027-01-01T00:00:00.000Z'),
    until: some('2026-11-23T00:00:25.010Z', '2026-11-23T00:00:00.000Z'),
    q: some('json', 'populated 0007', 'nothing', 'json web0'),
  },
  { requiredKeys: [] },
);

describe('pages', () => {
  test('whatever is asked, all pages together are exactly the events that fit, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFilters,
        fc.constantFrom('asc', 'desc'),
        fc.constantFrom(37, 1000),
        async (given, order, limit) => {
          const filters = JSON.parse(JSON.stringify(given)) as AuditFilters;
          if ((filters.since ?? '') > (filters.until ?? '3')) return;
          const expected = history.flatMap(({ event }, at) => (fits(event, filters) ? [at] : []));
          expect(await allPages(filters, order, limit)).toEqual(
            order === 'asc' ? expected : expected.reverse(),
          );
        },
      ),
      { numRuns: 80 },
    );
  });

  test('a word may be cut short with a star', async () => {
    expect(await allPages({ q: 'popu* 0003' }, 'asc', 1000)).toHaveLength(60);
    expect(await allPages({ q: 'popu 0003' }, 'asc', 1000)).toHaveLength(0);
    expect(await allPages({ q: 'json nosuch*' }, 'asc', 1000)).toHaveLength(0);
  });

  test('what comes while pages are turned does not disturb them', async () => {
    using small = openEventLog(':memory:');
    small.append(history.slice(0, 10));
    const first = await small.page(auditQuery({}), { limit: 6, order: 'asc' });
    small.append(history.slice(10, 12));
    const second = await small.page(auditQuery({}), {
      limit: 6,
      order: 'asc',
      after: first.next_after ?? -1,
    });
    expect(second.entries.map(({ index }) => index)).toEqual([6, 7, 8, 9, 10, 11]);
    expect(second.next_after).toBeNull();
  });
});
