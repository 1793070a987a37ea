import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { MonitorStatus } from '@holdfast/contracts/http/monitor';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { checksumOf } from './checksum.ts';
import { Lab } from './lab.ts';

const ON = { scrub: { every: '1 hour' } };
const withPython = spawnSync('python3', ['--version']).status === 0 ? test : test.skip;
const statusOf = async (lab: Lab) => ((await lab.get('/api/monitor/status')) as MonitorStatus).scrub;
const untilRound = (lab: Lab, started_after = '') =>
  eventually(async () => {
    const scrub = await statusOf(lab);
    return scrub.state === 'waiting' && (scrub.started_at ?? '') > started_after ? scrub : undefined;
  });

test('silent rot is found by reading everything, and told as corrupted with its reasons', async () => {
  await using lab = await Lab.start({ files: { 'a.txt': 'rotten', 'b.json': '{"a":}', 'c.txt': 'c' } });
  await lab.stop();
  lab.rot('a.txt', 'sound!');
  lab.rot('b.json', '{"a":1');
  lab.write({ 'more.txt': 'comes at the start' });
  lab.monitor(ON);
  await lab.start();
  const { data } = await lab.until('FileCorrupted', 'a.txt');
  expect(data).toMatchObject({
    ...{ reason: 'checksum', detail: 'the content changed while size, mtime and ctime did not' },
    ...{ checksum: checksumOf('sound!'), actual_checksum: checksumOf('rotten'), detected_by: 'scan' },
  });
  const { reasons } = (await lab.until('FileCorrupted', 'b.json')).data;
  expect(reasons?.map(({ reason }) => reason)).toEqual(['checksum', 'json']);
  const scrub = await untilRound(lab);
  expect(scrub).toMatchObject({
    files_done: 4,
    completed_at: expect.any(String),
    next_at: expect.any(String),
  });
  expect(await lab.storyOf('c.txt')).toEqual([]);
});

test('it goes on after a restart where it was, and begins anew when the period is over', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `${String(index).padStart(2, '0')}.txt`);
  const files = Object.fromEntries(names.map((name) => [name, name]));
  const slow = { scrub: { every: '1 hour', max_bytes_per_second: 100_000 } };
  await using lab = await Lab.start({ files, monitor: slow });
  await eventually(async () => (await statusOf(lab)).files_done > 0, { timeout_ms: 30_000 });
  const before = await statusOf(lab);
  await lab.stop();
  lab.monitor(ON);
  await lab.start();
  const after = await untilRound(lab);
  expect([before.state, after.started_at, after.files_done]).toEqual(['reading', before.started_at, 40]);
  await lab.stop();
  lab.monitor({ scrub: { every: 200 } });
  await lab.start();
  await untilRound(lab, after.started_at ?? '');
});

test('is off where it is said to be', async () => {
  await using lab = await Lab.start({ files: { 'a.txt': 'a' } });
  expect(await statusOf(lab)).toMatchObject({ state: 'off', started_at: null, next_at: null });
});

withPython('a file that somebody writes into by a mapping is not taken for rotten', async () => {
  await using lab = await Lab.start({ files: { 'a.bin': 'x'.repeat(4096), 'b.txt': 'rotten' } });
  await lab.stop();
  lab.rot('a.bin', 'y'.repeat(4096));
  lab.rot('b.txt', 'sound!');
  const script = [
    'import mmap,sys',
    'f=open(sys.argv[1],"r+b"); m=mmap.mmap(f.fileno(),0); f.close()',
    'print("mapped",flush=True); sys.stdin.read()',
  ].join('\n');
  const python = spawn('python3', ['-c', script, lab.path('a.bin')]);
  await once(python.stdout, 'data');
  lab.monitor(ON);
  await lab.start();
  await lab.until('FileCorrupted', 'b.txt');
  expect(await lab.storyOf('a.bin')).toEqual([]);
  python.stdin.end();
  await lab.until('FileCorrupted', 'a.bin');
});
