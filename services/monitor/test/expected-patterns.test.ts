import { renameSync, unlinkSync, utimesSync } from 'node:fs';
import type { IntegrityScanReport } from '@holdfast/contracts/http/scan';
import { rpcSubject } from '@holdfast/contracts/subjects';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const OFTEN = { check_interval_seconds: 0.2 };
const EXPORTS = { pattern: 'exports/*.csv', min_count: 2, max_age: '25 hours' };
const told = async (lab: Lab) => (await lab.of('ExpectationViolated')).map(({ data }) => data);
const untilTold = (lab: Lab, events: number) =>
  eventually(async () => {
    const all = await lab.of('ExpectationViolated');
    return all.length >= events ? all : undefined;
  });

describe('detectMissingFiles: what a source expects to be there', () => {
  test('is told once with all its reasons when it is not, also over a restart, and when it is mended', async () => {
    await using lab = new Lab({
      files: { 'exports/a.csv': 'a', 'exports/b.txt': 'b' },
      source: { expected_patterns: [EXPORTS] },
      monitor: OFTEN,
    });
    utimesSync(lab.path('exports/a.csv'), 0, Date.now() / 1000 - 30 * 3600);
    await lab.start();
    const [violated] = await untilTold(lab, 1);
    expect(violated).toMatchObject({ subject: 'lab/exports/*.csv' });
    expect(violated?.data).toMatchObject({
      ...{ source: 'lab', pattern: 'exports/*.csv', files: 1, min_count: 2, max_age_ms: 25 * 3_600_000 },
      reasons: [
        { reason: 'count', detail: '1 of at least 2 files are there' },
        { reason: 'age', detail: 'the newest is 30 h old, at most 25 h are allowed' },
      ],
    });
    await lab.stop();
    await lab.start();
    lab.write({ 'exports/c.csv': 'c' });
    const [, cleared] = await untilTold(lab, 2);
    expect(cleared?.data).toMatchObject({ reasons: [], files: 2, cleared_at: expect.any(String) });
    expect(cleared?.correlationid).toBe(violated?.correlationid);
    expect(cleared?.data.started_at).toBe(violated?.data.started_at);
    expect((await told(lab)).length).toBe(2);
  });

  test('is not told of a file that is replaced, nor while its folder is away', async () => {
    await using lab = await Lab.start({
      files: { 'exports/a.csv': 'a' },
      source: { expected_patterns: [{ pattern: '*.csv' }, { pattern: 'exports/*.csv' }] },
      monitor: { check_interval_seconds: 0.1 },
    });
    const [violated] = await untilTold(lab, 1);
    expect(violated?.data.pattern).toBe('*.csv');
    renameSync(lab.root, `${lab.root}-away`);
    await eventually(async () => (await lab.of('WatchRootLost')).length > 0);
    await lab.checks(5);
    renameSync(`${lab.root}-away`, lab.root);
    await eventually(async () => (await lab.of('WatchRootLost')).length > 1);
    await lab.checks(5);
    expect((await told(lab)).map(({ pattern }) => pattern)).toEqual(['*.csv']);
  });

  test('is in the report of a scan, and over where it is expected no longer', async () => {
    await using lab = await Lab.start({
      files: { 'a.csv': 'a' },
      source: { expected_patterns: [{ pattern: '*.csv', min_count: 1 }] },
      monitor: OFTEN,
    });
    unlinkSync(lab.path('a.csv'));
    await untilTold(lab, 1);
    const report = await lab.events.ask<IntegrityScanReport>(
      rpcSubject('monitor', 'scan', 'test-host'),
      {},
      20_000,
    );
    expect(report.unmet).toEqual([
      {
        source: 'lab',
        pattern: '*.csv',
        reasons: [{ reason: 'count', detail: '0 of at least 1 files are there' }],
      },
    ]);
    await lab.stop();
    lab.source({ expected_patterns: [] });
    await lab.start();
    expect((await untilTold(lab, 2))[1]?.data).toMatchObject({ cleared_at: expect.any(String) });
  });
});
