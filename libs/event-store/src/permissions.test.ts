import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  COMMANDS_STREAM,
  commandSubject,
  EVENTS_STREAM,
  eventFilter,
  JETSTREAM,
  subjectOf,
  TOKENS_BUCKET,
} from '@holdfast/contracts/subjects';
import { startTestNats, TEST_HOST, type TestNats, whyNoNats } from '@holdfast/testkit/nats';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { lossOf } from './conformance.ts';
import { openConnection } from './connection.ts';
import { connectEventStore } from './jetstream-store.ts';
import { newEvent } from './new-event.ts';

const missing = await whyNoNats();
const withNats = missing === undefined ? describe : describe.skip;
const clock = { now_ms: () => Date.now() };

withNats('who may do what', () => {
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startTestNats();
  });
  afterAll(async () => {
    await nats[Symbol.asyncDispose]();
  });
  const connectAs = (name: 'monitor' | 'audit' | 'ops' | 'provisioner') =>
    openConnection({ url: nats.url, credentials_file: nats.server.creds(name), name });

  test('a service tells its own events only, and of its own host only', async () => {
    const [monitor, audit] = [await nats.connect('monitor'), await nats.connect('audit')];
    await expect(monitor.append([lossOf('/a')])).resolves.toMatchObject({ last_seq: 1 });
    await expect(audit.append([lossOf('/a')])).rejects.toMatchObject({ code: 'nats_forbidden' });
    await expect(audit.append([lossOf('/a'), lossOf('/b')])).rejects.toMatchObject({
      code: 'nats_forbidden',
    });
    const elsewhere = newEvent({ host: 'db1', service: 'monitor', clock }, 'ServiceStarted', {
      subject: 'monitor',
      data: { host: 'db1', service: 'monitor', version: '1' },
    });
    await expect(monitor.append([elsewhere])).rejects.toMatchObject({ code: 'nats_forbidden' });
    expect(await audit.last_seq()).toBe(1);
  });

  test.each(['monitor', 'audit', 'ops'] as const)(
    '%s can neither change nor empty the stream',
    async (name) => {
      const connection = await connectAs(name);
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
      const [{ streams }, forbidden] = [manager, /permissions violation/i];
      await expect(streams.purge(EVENTS_STREAM)).rejects.toThrow(forbidden);
      await expect(streams.delete(EVENTS_STREAM)).rejects.toThrow(forbidden);
      await expect(streams.deleteMessage(EVENTS_STREAM, 1)).rejects.toThrow(forbidden);
      await expect(streams.add({ name: 'MINE', subjects: ['mine'] })).rejects.toThrow(forbidden);
      const wipe = connection.request(`$JS.API.STREAM.UPDATE.${EVENTS_STREAM}`, '{}', { timeout: 1_000 });
      await expect(wipe).rejects.toThrow(forbidden);
      await connection.close();
    },
  );

  test('tokens are written by audit alone, and read by all', async () => {
    const bytes = new TextEncoder().encode('{}');
    const tokens = await (await nats.connect('audit')).keyValue(TOKENS_BUCKET);
    await tokens.create('t1', bytes);
    const read = await (await nats.connect('backup')).keyValue(TOKENS_BUCKET);
    expect(await read.keys()).toEqual(['t1']);
    await expect(read.put('t1', bytes)).rejects.toMatchObject({ code: 'nats_forbidden' });
  });

  test('nobody reads the answers to another', async () => {
    const connection = await connectAs('monitor');
    const refused = Promise.withResolvers<Error | null>();
    connection.subscribe('_INBOX.audit.>', { callback: (error) => refused.resolve(error) });
    expect(String(await refused.promise)).toMatch(/permissions violation/i);
    await connection.close();
  });

  test('ops sees every event with its credentials, and can say nothing', async () => {
    const monitor = await nats.connect('monitor');
    const credentials = readFileSync(join(nats.data_dir, 'nats', 'ops.creds'));
    const ops = await connect({ servers: nats.url, authenticator: credsAuthenticator(credentials) });
    const deletions = ops.subscribe(eventFilter('FileDeleted'), { max: 1 });
    await ops.flush();
    const loss = lossOf('/seen');
    await monitor.append([loss]);
    for await (const message of deletions) expect(message.json()).toEqual(loss);
    const before = await monitor.last_seq();
    const forged = ops.request(subjectOf(loss), JSON.stringify(lossOf('/forged')), { timeout: 1_000 });
    await expect(forged).rejects.toThrow(/permissions violation/i);
    await expect(ops.request(JETSTREAM.info, '', { timeout: 1_000 })).rejects.toThrow(
      /permissions violation/i,
    );
    expect(await monitor.last_seq()).toBe(before);
    await ops.close();
  });

  test('a pipeline that deploys may ask this host for a backup, and nothing else', async () => {
    const credentials_file = nats.server.creds('deploy');
    const deploy = await openConnection({ url: nats.url, credentials_file, name: 'deploy' });
    const ask = (subject: string) => deploy.request(subject, '{}', { timeout: 1_000 });
    const command = (verb: string, host: string) =>
      commandSubject('backup', verb, { host, key: 'deploy-42' });
    const kept = await ask(command('CreateBackup', TEST_HOST));
    expect(kept.json()).toMatchObject({ stream: COMMANDS_STREAM });
    const forbidden = /permissions violation/i;
    await expect(ask(command('CreateBackup', 'db1'))).rejects.toThrow(forbidden);
    await expect(ask(command('DeleteBackup', TEST_HOST))).rejects.toThrow(forbidden);
    await expect(ask(subjectOf(lossOf('/forged')))).rejects.toThrow(forbidden);
    await expect(ask(JETSTREAM.info)).rejects.toThrow(forbidden);
    await deploy.close();

    const backup = await nats.connect('backup');
    const taken = Promise.withResolvers<string>();
    await using _obeying = await backup.obey({ service: 'backup', host: TEST_HOST }, async ({ key }) =>
      taken.resolve(key),
    );
    expect(await taken.promise).toBe('deploy-42');
  });

  test('without credentials nobody comes in', async () => {
    const refused = connectEventStore({ url: nats.url, name: 'monitor' });
    await expect(refused).rejects.toMatchObject({ code: 'nats_forbidden' });
  });

  test('where nobody listens, NATS is not reachable', async () => {
    const refused = connectEventStore({ url: 'nats://127.0.0.1:1', name: 'monitor' });
    await expect(refused).rejects.toMatchObject({ code: 'nats_unreachable' });
  });
});
