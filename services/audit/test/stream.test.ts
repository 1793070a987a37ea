import { readFileSync } from 'node:fs';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { dataPaths } from '@holdfast/contracts/paths';
import { createMemoryStore, type MemoryStore } from '@holdfast/event-store/memory-store';
import type { RunningService } from '@holdfast/runtime/service';
import { testContext } from '@holdfast/testkit/context';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startAudit } from '../src/service.ts';
import { type LiveStream, openStream } from './live-stream.ts';
import { sampleEvent } from './sample-events.ts';

const clock = fakeClock();
let dir: ReturnType<typeof tempDir>;
let events: MemoryStore;
let service: RunningService;

beforeEach(async () => {
  dir = tempDir();
  events = createMemoryStore();
  const context = await testContext({ name: 'audit', data_dir: dir.path, events, clock });
  service = await startAudit(context.service_config, context);
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

const open = (query = '', last_event_id?: number): Promise<LiveStream> =>
  openStream(`${service.url}/api/audit/stream?${query}`, {
    token: readFileSync(dataPaths(dir.path).admin_token, 'utf8').trim(),
    last_event_id,
  });

async function publish(from: number, to: number): Promise<HoldfastEvent[]> {
  const made = Array.from({ length: to - from }, (_, at) => sampleEvent(from + at));
  for (let at = 0; at < made.length; at += 500) await events.append(made.slice(at, at + 500));
  return made;
}

const idsOf = (made: readonly { id: string }[]) => made.map(({ id }) => id);

test('who only listens gets what comes, with its place as id', async () => {
  await using stream = await open('type=FileDeleted,FileModified');
  const made = await publish(0, 3);
  const got = await stream.take(3);
  expect(got.map(({ event }) => event.id)).toEqual(idsOf(made));
  expect(got.map(({ id, event }) => id === event.auditindex)).toEqual([true, true, true]);
});

test('who comes back gets what was missed, then what comes: no gap, nothing twice', async () => {
  const missed = await publish(0, 1500);
  await using stream = await open('type=FileDeleted,FileModified', -1);
  const before = await stream.take(200);
  const live = await publish(1500, 1800);
  const got = [...before, ...(await stream.take(1600))];
  expect(got.map(({ event }) => event.id)).toEqual(idsOf([...missed, ...live]));
  const middle = got[700];
  await using again = await open('type=FileDeleted,FileModified', middle?.id);
  expect((await again.take(1099)).map(({ id }) => id)).toEqual(got.slice(701).map(({ id }) => id));
});

test('filters: a NATS subject, a path', async () => {
  const made = await publish(0, 40);
  await using deleted = await open('subject=holdfast.event.file.FileDeleted.web0.>', -1);
  await using path = await open('subject=/srv/bmc/data/kb_populated_0007.json', -1);
  const wanted = made.filter(({ type, source }) => type === 'FileDeleted' && source.includes('web0'));
  expect((await deleted.take(wanted.length)).map(({ event }) => event.id)).toEqual(idsOf(wanted));
  expect((await path.take(1))[0]?.event.id).toBe(made[7]?.id);
});

test('silence is broken by a heartbeat, which moves the place that a filtered client comes back to', async () => {
  await using stream = await open('type=Nothing');
  await publish(0, 5);
  await using all = await open('', -1);
  const last = (await all.take(6)).at(-1)?.id;
  await stream.heartbeat(() => clock.advance(10_000));
  expect(stream.lastId()).toBe(last);
});

test('a client that does not read holds nobody up', async () => {
  const made = await publish(0, 3000);
  await using slow = await open('', -1);
  await using quick = await open('type=FileDeleted,FileModified', -1);
  expect((await quick.take(3000)).map(({ event }) => event.id)).toEqual(idsOf(made));
  expect((await slow.take(3001)).map(({ id }) => id)).toEqual(Array.from({ length: 3001 }, (_, at) => at));
});

test('the streams end when the service stops, and at once', async () => {
  await using stream = await open();
  const start_ms = performance.now();
  await service[Symbol.asyncDispose]();
  await stream.ended;
  expect(performance.now() - start_ms).toBeLessThan(1500);
});

test('a place that was never given out is refused', async () => {
  await expect(open('', Number.NaN)).rejects.toThrow('400');
  await expect(open('subject=holdfast.event.>.x')).rejects.toThrow('400');
});
