import fs from 'node:fs';
import { FileHistory, RecoverResult } from '@holdfast/contracts/http/recovery';
import { rpcSubject } from '@holdfast/contracts/subjects';
import { describe, expect, test } from '@jest/globals';
import { createWorld, sumOf } from './boot.ts';

const OLD = Buffer.from('{"version": 1}');
const NEW = Buffer.from('{"version": 2}');

describe('a request to recover', () => {
  test('brings a file back that nobody reported', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', OLD);
    await world.backup();
    await using service = await world.start();
    fs.rmSync(path);
    const { status, body } = await world.request(service, {
      post: '/api/recovery/recover',
      body: { file_path: path },
    });
    const asked_by = world.token_id;
    expect(status).toBe(200);
    const result = RecoverResult.parse(body);
    expect(result).toMatchObject({
      path,
      outcome: 'recovered',
      strategy: 'latest_backup',
      counts: { recovered: 1 },
    });
    expect(fs.readFileSync(path)).toEqual(OLD);
    const report = await world.request(service, { get: `/api/recovery/reports/${result.recovery_id}` });
    expect(report.body).toMatchObject({ status: 'recovered', files: [{ path }] });
    const [recovered] = await world.waitFor('FileRecovered');
    expect(recovered?.actor).toBe(asked_by);
  });

  test('never replaces what stands there, unless a time is named: then that is kept in quarantine', async () => {
    await using world = await createWorld();
    const path = world.write('kb.json', OLD);
    const { time_ms } = await world.backup();
    fs.writeFileSync(path, NEW);
    await using service = await world.start();
    const refused = await world.request(service, {
      post: '/api/recovery/recover',
      body: { file_path: path },
    });
    expect(refused).toMatchObject({ status: 409, body: { code: 'target_occupied' } });
    expect(fs.readFileSync(path)).toEqual(NEW);
    const target_timestamp = new Date(time_ms).toISOString();
    const { body } = await world.request(service, {
      post: '/api/recovery/recover',
      body: {
        file_path: path,
        target_timestamp,
      },
    });
    const { files } = RecoverResult.parse(body);
    expect(fs.readFileSync(path)).toEqual(OLD);
    expect(fs.readFileSync(files[0]?.quarantined_to ?? '')).toEqual(NEW);
  });

  test('for a path that is not protected, or that no backup holds, says so', async () => {
    await using world = await createWorld();
    await using service = await world.start();
    const elsewhere = await world.request(service, {
      post: '/api/recovery/recover',
      body: { file_path: '/etc/passwd' },
    });
    expect(elsewhere).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const never = await world.request(service, {
      post: '/api/recovery/recover',
      body: { file_path: `${world.root}/x` },
    });
    expect(never).toMatchObject({ status: 404, body: { code: 'no_good_version' } });
    const relative = await world.request(service, {
      post: '/api/recovery/recover',
      body: { file_path: 'x' },
    });
    expect(relative.status).toBe(400);
  });
});

test('history lists every version and every incident; each version can be downloaded', async () => {
  await using world = await createWorld();
  const path = world.write('kb ñ.json', OLD);
  const first = await world.backup();
  fs.writeFileSync(path, NEW);
  await world.backup();
  await using service = await world.start();
  fs.rmSync(path);
  await world.tellDeleted(new Map([[path, NEW]]));
  await world.waitFor('FileRecovered');
  const query = new URLSearchParams({ path });
  const { body } = await world.request(service, { get: `/api/recovery/history?${query}` });
  const history = FileHistory.parse(body);
  expect(history.versions.map(({ checksum }) => checksum)).toEqual([sumOf(NEW), sumOf(OLD)]);
  expect(history.incidents).toEqual([
    expect.objectContaining({ kind: 'deleted', outcome: 'recovered', strategy: 'latest_backup' }),
  ]);
  for (const [id, bytes] of [
    [first.id, OLD],
    ['backup_20260101_000000_full_2', NEW],
  ] as const) {
    const download = new URLSearchParams({ path, backup_id: id });
    const answer = await world.request(service, { get: `/api/recovery/download?${download}` });
    expect(answer.body).toEqual(JSON.parse(bytes.toString()));
  }
});

describe('a scan', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const report = {
    ...{ scan_id: 's1', host: 'test-host', path: '/a', started_at: at, ended_at: at, duration_ms: 1 },
    ...{
      checked: 3,
      bytes_checked: 9,
      ok: 3,
      missing: ['/a'],
      corrupted: [],
      issues: [],
      unmet: [],
      truncated: false,
    },
    counts: { missing: 1, corrupted: 0, suspect: 0, noted: 0, unreadable: 0 },
  };
  const progress = {
    ...{ scan_id: 's1', state: 'running', started_at: at, report: null },
    ...{ files_done: 0, files_total: 3, bytes_done: 0, bytes_total: 9 },
  };

  async function monitorOf(world: Awaited<ReturnType<typeof createWorld>>, asked: unknown[]) {
    return world.events.answer(rpcSubject('monitor', 'scan', 'test-host'), async (question) => {
      asked.push(question);
      return asked.length < 3 ? progress : { ...progress, state: 'done', report };
    });
  }

  test('asks the monitor until it is over', async () => {
    await using world = await createWorld();
    await using service = await world.start();
    const asked: unknown[] = [];
    await using _monitor = await monitorOf(world, asked);
    const { body } = await world.request(service, { post: '/api/recovery/scan', body: { path: '/a' } });
    expect(body).toEqual(report);
    expect(asked).toEqual([{ wait: false, path: '/a' }, { scan_id: 's1' }, { scan_id: 's1' }]);
  });

  test('is not waited for where nobody wants to', async () => {
    await using world = await createWorld();
    await using service = await world.start();
    await using _monitor = await monitorOf(world, []);
    const begun = await world.request(service, { post: '/api/recovery/scan', body: { wait: false } });
    expect([begun.status, begun.body]).toEqual([202, progress]);
    const shown = await world.request(service, { get: '/api/recovery/scans/s1', role: 'viewer' });
    expect(shown.body).toEqual(progress);
  });
});

test('a viewer may look, and not recover', async () => {
  await using world = await createWorld();
  await using service = await world.start();
  const history = await world.request(service, { get: '/api/recovery/history?path=/a', role: 'viewer' });
  expect(history.status).toBe(200);
  const recover = await world.request(service, {
    post: '/api/recovery/recover',
    body: { file_path: '/a' },
    role: 'viewer',
  });
  expect(recover).toMatchObject({ status: 403, body: { code: 'forbidden' } });
});
