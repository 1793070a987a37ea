import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { IntegrityScanReport, ScanProgress } from '@holdfast/contracts/http/scan';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { afterEach, expect, test } from '@jest/globals';
import { runCli } from '../support/holdfast-process.ts';

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

const AT = '2026-11-25T08:00:00.000Z';
const CHECKSUM = `sha256:${'0'.repeat(64)}`;
const known = {
  source: 'kb',
  size: 7,
  checksum: CHECKSUM,
  correlation_id: 'c',
  lost_at: AT,
  code: null,
  restored: false,
};
const schema = { reason: 'schema', detail: 'must be number', json_path: '$.b', line: 2 } as const;
const REPORT: IntegrityScanReport = {
  ...{ scan_id: 's1', host: 'db1', path: null, started_at: AT, ended_at: AT, duration_ms: 1500 },
  ...{
    checked: 5,
    bytes_checked: 2048,
    ok: 3,
    truncated: false,
    unmet: [{ source: 'kb', pattern: '*.csv', reasons: [{ reason: 'count', detail: 'none' }] }],
  },
  counts: { missing: 1, corrupted: 1, suspect: 0, noted: 0, unreadable: 1 },
  missing: ['/srv/<gone>.json'],
  corrupted: ['/srv/bad.json'],
  issues: [
    { ...known, path: '/srv/<gone>.json', kind: 'missing', reasons: [], restored: true },
    {
      ...{ ...known, path: '/srv/bad.json', kind: 'corrupted' },
      reasons: [schema, { reason: 'size', detail: '9000 bytes became 12' }],
    },
    { ...known, path: '/srv/x\u001b[2J', kind: 'unreadable', reasons: [], code: 'EACCES' },
  ],
};

/** A Holdfast whose scan takes two questions. */
async function scanned(args: string[]) {
  const running = { scan_id: 's1', state: 'running', started_at: AT, files_done: 2, files_total: 5 };
  const progress = { ...running, bytes_done: 1024, bytes_total: 2048, report: null } as ScanProgress;
  const asked: string[] = [];
  server = createServer((request, reply) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = asked.length < 3 ? progress : { ...progress, state: 'done', report: REPORT };
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const result = await runCli(['scan', '--url', `http://127.0.0.1:${port}`, '--token', 'any', ...args]);
  return { ...result, asked };
}

test('a scan is asked for until it is over; people get a table with each reason', async () => {
  const { code, stdout, asked } = await scanned([]);
  expect(asked).toEqual(['POST /api/recovery/scan', ...Array(2).fill('GET /api/recovery/scans/s1')]);
  expect([code, stdout.replaceAll(/ +$/gm, '').replaceAll(/ {2,}/g, ' | ').split('\n')]).toEqual([
    0,
    [
      '5 files checked (2.0 KiB in 1.5 s), 1 missing, 1 corrupted, 1 unreadable',
      'STATE | PATH | WHY',
      `missing | /srv/<gone>.json | since ${AT}`,
      ' | it is back by now',
      'corrupted | /srv/bad.json | schema: must be number at $.b (line 2)',
      ' | size: 9000 bytes became 12',
      expect.stringMatching(/^unreadable \| \/srv\/x.+\[2J \| cannot be read: EACCES$/),
      'kb: *.csv is not as expected: none',
      '',
    ],
  ]);
  expect(stdout).not.toContain('\u001b');
});

test('programs get one JSON document, and a page where they ask for one', async () => {
  using folder = tempDir();
  const page = join(folder.path, 'scan.html');
  const { code, stdout } = await scanned(['/srv', '--json', '--html', page]);
  expect([code, JSON.parse(stdout)]).toEqual([0, REPORT]);
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('/srv/&lt;gone&gt;.json');
  expect(html).toContain('schema: must be number at $.b (line 2)<br>size: 9000 bytes became 12');
  expect(html).toContain('<td>*.csv of kb: none</td>');
  expect(html).not.toContain('\u001b');
});
