import { expect, test } from '@jest/globals';
import { CSV_HEADER, csvLine } from './csv.ts';
import { itemText } from './item.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('an item is the event and its place', () => {
  expect(itemText({ index: 7, bytes: bytes('{"id":"a", "data":{}}\n') })).toBe(
    '{"id":"a", "data":{},"auditindex":7}',
  );
});

test('no event can claim another place', () => {
  const claimed = itemText({ index: 7, bytes: bytes('{"id":"a","auditindex":99}') });
  expect(JSON.parse(claimed).auditindex).toBe(7);
});

const event = {
  specversion: '1.0',
  id: '01JD00000000000000000000AB',
  type: 'FileDeleted',
  source: 'holdfast/web1/monitor',
  subject: '/srv/a "b", c.json',
  time: '2026-11-23T01:47:00.000Z',
  datacontenttype: 'application/json',
  dataschema: 'holdfast:FileDeleted:1',
  correlationid: 'c',
  aggregateversion: 0,
  actor: '=HYPERLINK("x")',
  data: { size: 1 },
} as const;

test('a line of CSV has as many fields as the header, with quotes where they are needed', () => {
  expect(CSV_HEADER).toBe('auditindex,time,type,source,subject,actor,correlationid,causationid,id,data\r\n');
  expect(csvLine(3, event)).toBe(
    '3,2026-11-23T01:47:00.000Z,FileDeleted,holdfast/web1/monitor,"/srv/a ""b"", c.json",' +
      `"'=HYPERLINK(""x"")",c,,01JD00000000000000000000AB,"{""size"":1}"\r\n`,
  );
});
