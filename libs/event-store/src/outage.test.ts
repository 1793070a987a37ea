import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import {
  EVENTS_STREAM,
  eventFilter,
  maxDeliveriesAdvisory,
  TOKENS_BUCKET,
} from '@holdfast/contracts/subjects';
import { startTestNats, type TestNats, whyNoNats } from '@holdfast/testkit/nats';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { collector, lossOf } from './conformance.ts';
import { openConnection } from './connection.ts';
import { firstTime, INBOX_SCHEMA } from './dedup.ts';
import { createOutbox, OUTBOX_SCHEMA } from './outbox.ts';

const missing = await whyNoNats();
const withNats = missing === undefined ? describe : describe.skip;

withNats('when NATS goes away', () => {
  let nats: TestNats;
  beforeEach(async () => {
    nats = await startTestNats();
  });
  afterEach(async () => {
    await nats[Symbol.asyncDispose]();
  });

  /** Kills the server without warning and waits until it runs again. */
  async function killServer(): Promise<void> {
    const { restarts, pid } = nats.server;
    process.kill(pid, 'SIGKILL');
    await eventually(() => nats.server.restarts > restarts);
  }

  test('under load: the outbox drains, nothing is lost, and nothing is taken in twice', async () => {
    const [monitor, audit] = [await nats.connect('monitor'), await nats.connect('audit')];
    const db = new DatabaseSync(':memory:');
    db.exec(`${OUTBOX_SCHEMA}; ${INBOX_SCHEMA}`);
    await using outbox = createOutbox({ db, store: monitor });
    const { take, paths, until } = collector();
    await using _audit = await audit.consume(
      { durable: 'audit-web1-log', kind: 'projection' },
      async (events) => take(events.filter(({ event }) => firstTime(db, 'audit', event.id))),
    );
    const reacted = new Set<string>();
    const filters = [eventFilter('FileDeleted')];
    const wanted = { durable: 'monitor-web1-react', kind: 'reactor', filters } as const;
    await using _reactor = await monitor.consume(wanted, async (events) => {
      for (const { event } of events) reacted.add(event.subject);
    });

    const expected: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const killed = round === 0 ? Promise.resolve() : killServer();
      for (let index = 0; index < 100; index += 1) {
        const path = `/load/${round}/${index}`;
        expected.push(path);
        outbox.add([lossOf(path)]);
        outbox.wake();
        await new Promise(setImmediate);
      }
      await killed;
    }
    await outbox.idle();
    expect(outbox.pending()).toBe(0);
    await until(expected.length);
    expect(paths()).toEqual(expected);
    await eventually(() => reacted.size === expected.length, { timeout_ms: 20_000 });
    expect(nats.server.restarts).toBe(3);
  });

  test('an append during the outage rejects at once, and the connection mends itself', async () => {
    const monitor = await nats.connect('monitor');
    await monitor.append([lossOf('/before')]);
    const killed = killServer();
    await eventually(() => !monitor.connected());
    const started_at_ms = performance.now();
    await expect(monitor.append([lossOf('/during')])).rejects.toMatchObject({ code: 'nats_unreachable' });
    expect(performance.now() - started_at_ms).toBeLessThan(500);
    await killed;
    await eventually(() => monitor.connected());
    expect(await monitor.append([lossOf('/after')])).toEqual({ last_seq: 2 });
  });

  test('what a killed reactor had in hand comes back to the next one', async () => {
    const monitor = await nats.connect('monitor');
    const access = { url: nats.url, credentials_file: nats.server.creds('monitor'), name: 'monitor' };
    const wanted = { durable: 'monitor-web1-killed', kind: 'reactor' } as const;
    const script = `
      const { connectEventStore } = await import('${new URL('./jetstream-store.ts', import.meta.url).href}');
      const store = await connectEventStore(${JSON.stringify(access)});
      await store.consume(${JSON.stringify(wanted)}, () => new Promise(() => console.log('in hand')));`;
    const victim = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const in_hand = once(victim.stdout, 'data');
    await monitor.append([lossOf('/in-hand')]);
    await in_hand;
    victim.kill('SIGKILL');
    const { take, until, seen } = collector();
    await using _next = await monitor.consume(wanted, take);
    await until(1);
    expect(seen.map(({ event, delivery }) => [event.subject, delivery])).toEqual([['/in-hand', 2]]);
  });

  test('a watcher of a bucket goes on behind what it has told', async () => {
    const tokens = await (await nats.connect('audit')).keyValue(TOKENS_BUCKET);
    const told: string[] = [];
    await tokens.put('a', new Uint8Array(1));
    await using _watch = await (await (await nats.connect('backup')).keyValue(TOKENS_BUCKET)).watch((key) => {
      told.push(key);
    });
    await killServer();
    await eventually(async () => (await tokens.put('b', new Uint8Array(1))) > 0);
    await eventually(() => told.includes('b'));
    expect(told.filter((key) => key === 'a')).toEqual(['a']);
  });

  test('an event that was delivered too often without an answer is parked', async () => {
    const monitor = await nats.connect('monitor');
    const loss = lossOf('/never-answered');
    const { last_seq } = await monitor.append([loss]);
    const durable = 'monitor-web1-silent';
    await using _consumer = await monitor.consume({ durable, kind: 'reactor' }, async () => undefined);
    // What the server says when it gives up; only it may.
    const credentials_file = nats.server.creds('provisioner');
    const provisioner = await openConnection({ url: nats.url, credentials_file, name: 'provisioner' });
    const advisory = { stream: EVENTS_STREAM, consumer: durable, stream_seq: last_seq, deliveries: 8 };
    provisioner.publish(maxDeliveriesAdvisory(durable), JSON.stringify(advisory));
    const [letter] = await eventually(async () => {
      const letters = await Array.fromAsync(monitor.deadLetters());
      return letters.length > 0 && letters;
    });
    expect(letter).toMatchObject({
      consumer: durable,
      seq: last_seq,
      reason: expect.stringMatching(/8 times/),
    });
    expect(JSON.parse(new TextDecoder().decode(letter?.bytes))).toEqual(loss);
    await provisioner.close();
  });

  test('what is no event is parked with the reason, and the projection goes on', async () => {
    const monitor = await nats.connect('monitor');
    const credentials_file = nats.server.creds('provisioner');
    const provisioner = await openConnection({ url: nats.url, credentials_file, name: 'provisioner' });
    const subject = eventFilter('FileDeleted', 'web1').replace('>', 'key');
    await provisioner.request(subject, 'no event', { timeout: 2_000 });
    // An event on a subject that is not its own: somebody tells it in another's place.
    await provisioner.request(subject, JSON.stringify(lossOf('/forged')), { timeout: 2_000 });
    await monitor.append([lossOf('/real')]);
    const { take, until, paths } = collector();
    await using _log = await monitor.consume({ durable: 'monitor-web1-log', kind: 'projection' }, (events) =>
      take(events.filter(({ event }) => event.type === 'FileDeleted')),
    );
    await until(1);
    expect(paths()).toEqual(['/real']);
    const letters = await Array.fromAsync(monitor.deadLetters());
    expect(letters.map(({ reason }) => reason)).toEqual([
      'not UTF-8 JSON',
      expect.stringMatching(/belongs on/),
    ]);
    await provisioner.close();
  });
});
