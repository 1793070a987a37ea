import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { commandSubject, eventFilter, LEASES_BUCKET, rpcSubject } from '@holdfast/contracts/subjects';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command, ConsumeOptions, EventStore, Messaging, StoredEvent } from './event-store.ts';
import { newEvent, newId } from './new-event.ts';

type Store = EventStore & Messaging;

/** A store that conforms, opened anew for a suite; its `monitor` may tell what the suite tells. */
export interface Subject extends AsyncDisposable {
  readonly store: Store;
  /** The same, as the service that takes commands. */
  readonly obedient: Store;
}

const origin = { host: 'web1', service: 'monitor', clock: { now_ms: () => Date.now() } } as const;

/** An event about a file that is named by the test. */
export function lossOf(path: string): HoldfastEvent<'FileDeleted'> {
  return newEvent(origin, 'FileDeleted', {
    subject: path,
    data: {
      host: 'web1',
      source: 'kb',
      path,
      size: 20_480,
      checksum: `sha256:${'a'.repeat(64)}`,
      detected_at: new Date().toISOString(),
      detected_by: 'watch',
    },
  });
}

/** Collects what a consumer is given; `until(n)` resolves when so many have come. */
export function collector() {
  const seen: StoredEvent[] = [];
  const waits: { count: number; resolve: () => void }[] = [];
  return {
    seen,
    paths: () => seen.map(({ event }) => event.subject),
    take: async (events: readonly StoredEvent[]) => {
      seen.push(...events);
      for (const { count, resolve } of waits) if (seen.length >= count) resolve();
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        if (seen.length >= count) resolve();
        else waits.push({ count, resolve });
      }),
  };
}

/** Polls what only the other side knows. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error('it did not come true within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => lossOf(`/${prefix}/${String(index).padStart(4, '0')}`));
const pathsOf = (events: readonly HoldfastEvent[]) => events.map(({ subject }) => subject);

/** What both stores promise: run by memory-store.test.ts and jetstream-store.test.ts. */
export function testEventStore(name: string, open: () => Promise<Subject>): void {
  describe(name, () => {
    let subject: Subject;
    let store: Store;
    beforeAll(async () => {
      subject = await open();
      store = subject.store;
    });
    afterAll(async () => {
      await subject[Symbol.asyncDispose]();
    });

    /** Reads only what a test told: the suite shares one stream. */
    const options = (kind: ConsumeOptions['kind'], more: Partial<ConsumeOptions> = {}): ConsumeOptions => ({
      durable: `monitor-web1-${newId(Date.now())}`,
      kind,
      filters: [eventFilter('FileDeleted', 'web1')],
      ...more,
    });
    const fromHere = async (kind: ConsumeOptions['kind'], more?: Partial<ConsumeOptions>) => {
      const wanted = options(kind, more);
      const behind = collector();
      await using consumer = await store.consume(wanted, behind.take);
      await eventually(async () => (await consumer.lag()) === 0);
      return wanted;
    };
    testAppend(() => store);
    testProjection(() => store, fromHere);
    testReactor(() => store, fromHere);
    testMessaging(() => store);
    testCommands(() => subject);
  });
}

type Given = () => Store;
type FromHere = (kind: ConsumeOptions['kind'], more?: Partial<ConsumeOptions>) => Promise<ConsumeOptions>;

function testAppend(given: Given): void {
  test('a batch is appended whole and in order, and reads back as it was', async () => {
    const events = named('order', 120);
    const before = await given().last_seq();
    expect(await given().append(events)).toEqual({ last_seq: before + 120 });
    const stored = await Array.fromAsync(given().read(before + 1));
    expect(stored.map(({ event }) => event)).toEqual(events);
    expect(stored.map(({ seq }) => seq)).toEqual(events.map((_, index) => before + 1 + index));
  });

  test('an event that is told again is no second event, alone and in a batch', async () => {
    const events = named('again', 3);
    const { last_seq } = await given().append(events);
    await given().append(events.slice(0, 1));
    await given().append([...events, lossOf('/again/more')]);
    const stored = await Array.fromAsync(given().read(last_seq - 2));
    expect(stored.map(({ event }) => event.subject)).toEqual([...pathsOf(events), '/again/more']);
  });

  test('whoever decides on an old state is refused, and nothing of the batch is kept', async () => {
    const { last_seq } = await given().append([lossOf('/expected')]);
    await given().append([lossOf('/expected')], { expected_last_seq: last_seq });
    const late = [lossOf('/expected'), lossOf('/unexpected')];
    const refused = given().append(late, { expected_last_seq: last_seq });
    await expect(refused).rejects.toMatchObject({ code: 'event_conflict' });
    expect(await given().last_seq()).toBe(last_seq + 1);
    await given().append([lossOf('/first-of-all')], { expected_last_seq: 0 });
    expect(await given().last_seq()).toBe(last_seq + 2);
  });

  test('more than a thousand at once are refused', async () => {
    await expect(given().append(named('many', 1001))).rejects.toMatchObject({ code: 'event_too_large' });
  });
}

function testProjection(given: Given, fromHere: FromHere): void {
  test('a projection goes on where it stopped', async () => {
    const wanted = await fromHere('projection');
    const [first, second] = [collector(), collector()];
    {
      await using consumer = await given().consume(wanted, first.take);
      await given().append(named('resume', 10));
      await first.until(10);
      await eventually(async () => (await consumer.lag()) === 0);
    }
    const later = named('resumed', 5);
    await given().append(later);
    await using _consumer = await given().consume(wanted, second.take);
    await second.until(5);
    expect(second.paths()).toEqual(pathsOf(later));
  });

  test('a projection stops at an error, goes on from the same place, and skips nothing', async () => {
    const wanted = await fromHere('projection', { backoff_ms: [1], batch: 4 });
    const { take, until, paths } = collector();
    let failures = 3;
    await using consumer = await given().consume(wanted, async (events) => {
      if (events.some(({ event }) => event.subject.endsWith('0005')) && failures > 0) {
        failures -= 1;
        throw new Error('not now');
      }
      await take(events);
    });
    const events = named('stopped', 12);
    await given().append(events);
    await until(12);
    expect(paths()).toEqual(pathsOf(events));
    expect(failures).toBe(0);
    await eventually(async () => (await consumer.lag()) === 0);
  });

  test('a consumer that asks for more kinds goes on where it was, with all of them', async () => {
    const wanted = await fromHere('projection');
    const { take, until, paths } = collector();
    const started = newEvent(origin, 'ServiceStarted', {
      subject: 'monitor',
      data: { host: 'web1', service: 'monitor', version: '1' },
    });
    const filters = [eventFilter('FileDeleted', 'web1'), eventFilter('ServiceStarted', 'web1')];
    await using _consumer = await given().consume({ ...wanted, filters }, take);
    await given().append([lossOf('/kinds/1'), started, lossOf('/kinds/2')]);
    await until(3);
    expect(paths()).toEqual(['/kinds/1', 'monitor', '/kinds/2']);
    const both = await Array.fromAsync(given().read((await given().last_seq()) - 2, filters));
    expect(both).toHaveLength(3);
  });

  test('lag counts what is not acknowledged', async () => {
    const wanted = await fromHere('projection', { backoff_ms: [1] });
    const release = Promise.withResolvers<void>();
    await using consumer = await given().consume(wanted, () => release.promise);
    await given().append(named('lag', 7));
    await eventually(async () => (await consumer.lag()) === 7);
    release.resolve();
    await eventually(async () => (await consumer.lag()) === 0);
    expect(await consumer.lag()).toBe(0);
  });
}

function testReactor(given: Given, fromHere: FromHere): void {
  test('a reactor gets what failed again, by itself, and the rest is not held up', async () => {
    const wanted = await fromHere('reactor', { backoff_ms: [5, 5, 5] });
    const calls: string[][] = [];
    const { take, until } = collector();
    await using consumer = await given().consume(wanted, async (events) => {
      calls.push(events.map(({ event }) => event.subject));
      const poisoned = events.find(({ event, delivery }) => event.subject === '/retry/0001' && delivery < 3);
      if (poisoned !== undefined) throw new Error('not now');
      await take(events);
    });
    await given().append(named('retry', 3));
    await until(3);
    await eventually(async () => (await consumer.lag()) === 0);
    expect(calls.filter((paths) => paths.includes('/retry/0001')).at(-1)).toEqual(['/retry/0001']);
  });

  test('a full disk is waited out: nothing is parked for it', async () => {
    const wanted = await fromHere('reactor', { backoff_ms: [] });
    const { take, until, paths } = collector();
    let full = true;
    await using consumer = await given().consume(wanted, async (events) => {
      if (full) {
        full = false;
        throw new HoldfastError('storage_full', 'no space left');
      }
      await take(events);
    });
    const letters = await Array.fromAsync(given().deadLetters());
    await given().append(named('full', 2));
    await until(2);
    await eventually(async () => (await consumer.lag()) === 0);
    expect(paths()).toEqual(['/full/0000', '/full/0001']);
    expect(await Array.fromAsync(given().deadLetters())).toHaveLength(letters.length);
  });

  test('what keeps failing is parked with its reason, told, and can be replayed', async () => {
    const wanted = await fromHere('reactor', { backoff_ms: [1, 1] });
    let broken = true;
    const { take, until, paths } = collector();
    await using consumer = await given().consume(wanted, async (events) => {
      if (broken && events.some(({ event }) => event.subject === '/parked/0000')) throw new Error('poison');
      await take(events);
    });
    const before = await given().last_seq();
    await given().append(named('parked', 2));
    await until(1);
    await eventually(async () => (await consumer.lag()) === 0);
    const letters = await Array.fromAsync(given().deadLetters());
    expect(letters.at(-1)).toMatchObject({ consumer: wanted.durable, reason: 'poison' });
    const told = await Array.fromAsync(given().read(before + 1, [eventFilter('DeadLettered')]));
    expect(told.map(({ event }) => event.data)).toMatchObject([
      { event_type: 'FileDeleted', reason: 'poison' },
    ]);

    expect(await consumer.replayDeadLetters()).toEqual({ replayed: 0, left: 1 });
    broken = false;
    expect(await consumer.replayDeadLetters()).toEqual({ replayed: 1, left: 0 });
    expect(paths()).toEqual(['/parked/0001', '/parked/0000']);
    await eventually(async () => (await consumer.replayDeadLetters()).replayed === 0);
  });
}

function testMessaging(given: Given): void {
  const bytes = (text: string) => new TextEncoder().encode(text);

  test('a bucket creates once, refuses an old revision, and lists its keys', async () => {
    const bucket = await given().keyValue(LEASES_BUCKET);
    const revision = await bucket.create('one', bytes('1'));
    await expect(bucket.create('one', bytes('2'))).rejects.toMatchObject({ code: 'event_conflict' });
    await bucket.put('one', bytes('3'), revision);
    await expect(bucket.put('one', bytes('4'), revision)).rejects.toMatchObject({ code: 'event_conflict' });
    await bucket.put('two', bytes('5'));
    await bucket.delete('two');
    expect(await bucket.get('two')).toBeNull();
    expect(await bucket.keys()).toEqual(['one']);
    expect(new TextDecoder().decode((await bucket.get('one'))?.value)).toBe('3');
  });

  test('a watcher is told what is there, then each change', async () => {
    const bucket = await given().keyValue(LEASES_BUCKET);
    await bucket.put('watched', bytes('1'));
    const told: [string, string | null][] = [];
    await using _watch = await bucket.watch((key, value) =>
      told.push([key, value === null ? null : new TextDecoder().decode(value)]),
    );
    expect(told).toContainEqual(['watched', '1']);
    await bucket.put('watched', bytes('2'));
    await bucket.delete('watched');
    await eventually(async () => told.at(-1)?.[1] === null);
    expect(told.slice(-2)).toEqual([
      ['watched', '2'],
      ['watched', null],
    ]);
  });

  test('a question is answered, and what the answerer throws reaches the one who asked', async () => {
    await using _answer = await given().answer(rpcSubject('monitor', 'echo', 'web1'), async (payload) => ({
      payload,
    }));
    expect(await given().ask(rpcSubject('monitor', 'echo', 'web1'), 'hi', 2_000)).toEqual({ payload: 'hi' });
    const silent = given().ask(rpcSubject('monitor', 'silent', 'web1'), 'hi', 2_000);
    await expect(silent.catch((error) => isHoldfastError(error) && error.code)).resolves.toBe('unavailable');
  });
}

function testCommands(given: () => Subject): void {
  test('a command is obeyed once, by the service and host that it is for; after a failure again', async () => {
    const wanted = commandSubject('backup', 'CreateBackup', { host: 'web1', key: 'deploy.42' });
    await given().store.command(commandSubject('backup', 'CreateBackup', { host: 'db1', key: 'x' }), {});
    await given().store.command(wanted, { reason: 'before_deployment' });
    const obeyed: Command[] = [];
    const handler = async (command: Command) => {
      obeyed.push(command);
      if (obeyed.length === 1) throw new Error('not yet');
    };
    {
      await using _obeying = await given().obedient.obey({ service: 'backup', host: 'web1' }, handler);
      await eventually(async () => obeyed.length === 2);
      const [first, again] = obeyed;
      expect(first).toMatchObject({
        verb: 'CreateBackup',
        key: 'deploy_42',
        payload: { reason: 'before_deployment' },
      });
      expect(again?.id).toBe(first?.id);
    }
    await using _again = await given().obedient.obey({ service: 'backup', host: 'web1' }, handler);
    await given().store.command(wanted, { reason: 'before_deployment' });
    await eventually(async () => obeyed.length === 3);
    expect(obeyed[2]?.id).not.toBe(obeyed[0]?.id);
  });

  test('a command that is refused is parked with its reason', async () => {
    await given().store.command(commandSubject('backup', 'Nonsense', { host: 'web1', key: 'x' }), {});
    await using _obeying = await given().obedient.obey(
      { service: 'backup', host: 'web1' },
      async ({ verb }) => {
        throw new HoldfastError('bad_request', `${verb} is not known`);
      },
    );
    await eventually(async () => {
      for await (const letter of given().store.deadLetters())
        if (letter.reason === 'Nonsense is not known') return true;
      return false;
    });
  });
}
