import { unlinkSync } from 'node:fs';
import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { eventually } from '@holdfast/testkit/wait-for';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

const skipped = await whyNoNats();
const withNats = skipped === undefined ? test : test.skip;

describe('over HTTP', () => {
  test('files: by state, source and folder, page by page', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'a', 'd/b.txt': 'b', 'd/c.txt': 'c' } });
    const first = (await lab.get(`/api/monitor/files?path=${lab.path('d')}&limit=1`)) as Page;
    expect(first.items.map(({ path }) => path)).toEqual([lab.path('d/b.txt')]);
    const second = (await lab.get(
      `/api/monitor/files?path=${lab.path('d')}&limit=1&cursor=${first.next_cursor}`,
    )) as Page;
    expect(second).toMatchObject({
      items: [{ path: lab.path('d/c.txt'), state: 'present' }],
      next_cursor: null,
    });
    unlinkSync(lab.path('a.txt'));
    const loss = await lab.until('FileDeleted', 'a.txt');
    expect(await lab.get('/api/monitor/files?state=missing')).toMatchObject({
      items: [
        { path: lab.path('a.txt'), correlation_id: loss.correlationid, lost_at: loss.data.detected_at },
      ],
    });
  });

  test('status: every root with what is known of it', async () => {
    await using lab = await Lab.start({ files: { 'a.txt': 'a' } });
    expect(await lab.get('/api/monitor/status')).toMatchObject({
      host: 'test-host',
      files: { present: 1, missing: 0 },
      gaps: 0,
      last_walk: { depth: 'stat', files: 1 },
      roots: [{ root: lab.root, sources: ['lab'], watched: true, lost: null }],
    });
  });

  test('allow-delete: only of what is protected', async () => {
    await using lab = await Lab.start();
    expect(await lab.post('/api/monitor/allow-delete', { path: '/elsewhere' })).toMatchObject({
      code: 'not_found',
    });
  });
});

test('a file in two sources is registered once, and lost once', async () => {
  await using lab = await Lab.start({
    files: { '.env': 'A=1', 'config.py': 'x' },
    source: { paths: ['.env', 'config.py'], priority: 'high' },
    others: { credentials: { paths: ['.env'], priority: 'critical' } },
  });
  const registered = (await lab.of('FilesRegistered')).flatMap(({ data }) => data.files);
  expect(registered.map(({ path }) => path).sort()).toEqual([lab.path('.env'), lab.path('config.py')]);
  unlinkSync(lab.path('.env'));
  await lab.until('FileDeleted', '.env');
  unlinkSync(lab.path('config.py'));
  await lab.until('FileDeleted', 'config.py');
  expect((await lab.of('FileDeleted')).map(({ data }) => data.path)).toEqual([
    lab.path('.env'),
    lab.path('config.py'),
  ]);
});

withNats('on a real server: registered, lost, told with the rights of a monitor', async () => {
  await using nats = await startTestNats({ host: 'test-host' });
  await using lab = await Lab.start({ files: { 'a.txt': 'a' }, events: await nats.connect('monitor') });
  const reader = await nats.connect('audit');
  unlinkSync(lab.path('a.txt'));
  const types = await eventually(async () => {
    const told: string[] = [];
    for await (const { event } of reader.read(1)) told.push(event.type);
    return told.includes('FileDeleted') && told;
  });
  expect(types.filter((type) => type.startsWith('File'))).toEqual(['FilesRegistered', 'FileDeleted']);
});

interface Page {
  items: { path: string }[];
  next_cursor: string | null;
}
