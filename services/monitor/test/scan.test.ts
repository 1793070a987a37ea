import { unlinkSync } from 'node:fs';
import type { IntegrityScanReport, ScanProgress } from '@holdfast/contracts/http/scan';
import { rpcSubject } from '@holdfast/contracts/subjects';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const SCAN = rpcSubject('monitor', 'scan', 'test-host');
const scan = (lab: Lab, question = {}) => lab.events.ask<IntegrityScanReport>(SCAN, question, 20_000);

test('a scan reads everything again, and reports all that is not as it should be with its reasons', async () => {
  await using lab = await Lab.start({
    files: { 'a.txt': 'a', 'b.json': '{}', 'c.txt': 'c', 'bad.json': '{\n"a":', 'd/e.txt': 'e' },
  });
  unlinkSync(lab.path('a.txt'));
  lab.write({ 'b.json': '{' });
  await lab.settled();
  const report = await scan(lab);
  expect(report).toMatchObject({
    ...{ host: 'test-host', path: null, checked: 4, ok: 3, truncated: false },
    counts: { missing: 1, corrupted: 1, suspect: 1, noted: 0, unreadable: 0 },
    missing: [lab.path('a.txt')],
    corrupted: [lab.path('b.json')],
  });
  const loss = await lab.until('FileDeleted', 'a.txt');
  expect(report.issues).toMatchObject([
    { kind: 'missing', path: lab.path('a.txt'), correlation_id: loss.correlationid, size: 1, reasons: [] },
    { kind: 'corrupted', path: lab.path('b.json'), size: 2, reasons: [{ reason: 'json', line: 1 }] },
    {
      ...{ kind: 'suspect', path: lab.path('bad.json'), checksum: null, correlation_id: null },
      reasons: [{ reason: 'json', detail: 'line 2 column 5: unexpected end', line: 2, column: 5 }],
    },
  ]);
});

test('a loss that the scan itself finds is in its report although it is back before the end', async () => {
  await using lab = await Lab.start({ files: { 'a.txt': 'rotten', 'b.txt': 'b' } });
  await lab.stop();
  lab.rot('a.txt', 'sound!');
  await lab.start();
  const back = lab.until('FileCorrupted', 'a.txt').then(() => lab.write({ 'a.txt': 'sound!' }));
  const report = await scan(lab);
  await back;
  expect(report).toMatchObject({
    checked: 2,
    ok: 1,
    corrupted: [lab.path('a.txt')],
    counts: { corrupted: 1 },
  });
  expect(report.issues).toMatchObject([{ kind: 'corrupted', reasons: [{ reason: 'checksum' }] }]);
});

test('a scan of one folder leaves the others alone', async () => {
  await using lab = await Lab.start({ files: { 'bad.json': '{', 'd/e.txt': 'e', 'd2/f.txt': 'f' } });
  const report = await scan(lab, { path: lab.path('d') });
  expect(report).toMatchObject({ path: lab.path('d'), checked: 1, bytes_checked: 1, ok: 1, issues: [] });
});

test('a session that stands in two files is noted, and nothing is replaced', async () => {
  const kb = JSON.stringify({ session_id: 'a', messages: [] });
  await using lab = await Lab.start({
    files: { 'a.json': kb, 'copy.json': kb },
    source: { validator: 'conversation' },
  });
  const { counts, issues, ok } = await scan(lab);
  expect([counts, ok]).toEqual([{ missing: 0, corrupted: 0, suspect: 0, noted: 2, unreadable: 0 }, 0]);
  expect(issues.map(({ reasons }) => reasons[0]?.detail)).toEqual([
    `is the id of a session in ${lab.path('copy.json')} too`,
    `is the id of a session in ${lab.path('a.json')} too`,
  ]);
  expect(await lab.of('FileCorrupted')).toEqual([]);
});

test('a scan that nobody waits for is asked about, and shared by those who ask for the same', async () => {
  await using lab = await Lab.start({ files: { 'a.txt': 'a' } });
  const ask = (question: object) => lab.events.ask<ScanProgress>(SCAN, question, 10_000);
  const [one, other] = await Promise.all([ask({ wait: false }), ask({ wait: false })]);
  expect(other.scan_id).toBe(one.scan_id);
  const done = await eventually(async () => {
    const progress = await ask({ scan_id: one.scan_id });
    return progress.state === 'done' ? progress : undefined;
  });
  expect(done).toMatchObject({
    files_done: 1,
    files_total: 1,
    bytes_done: 1,
    report: { scan_id: one.scan_id, ok: 1 },
  });
  await expect(ask({ scan_id: 'none' })).rejects.toMatchObject({ code: 'not_found' });
});
