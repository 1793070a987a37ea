import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { type EmbeddedNats, startEmbedded } from '@holdfast/event-store/embedded-server';
import { findNatsServer } from '@holdfast/event-store/find-nats-server';
import { connectEventStore, type JetStreamStore } from '@holdfast/event-store/jetstream-store';
import { type Log, silentLog } from '@holdfast/event-store/log';

/** The host of the test server's users: what tests put into their events. */
export const TEST_HOST = 'web1';

/** A real server with its own users, streams and buckets, gone with its folder when disposed. */
export interface TestNats extends AsyncDisposable {
  readonly url: string;
  readonly data_dir: string;
  readonly server: EmbeddedNats;
  /** Connects as a service; closed with the server. */
  connect(service: ServiceName): Promise<JetStreamStore>;
}

/** Starts one on a free port of the loopback. */
export async function startTestNats(options: { log?: Log; host?: string } = {}): Promise<TestNats> {
  const { log = silentLog, host = TEST_HOST } = options;
  const data_dir = mkdtempSync(join(tmpdir(), 'holdfast-nats-'));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(data_dir, { recursive: true, force: true, maxRetries: 3 }));
  const server = parts.use(await startEmbedded({ data_dir, port: 0, host, log }));
  const connect = async (service: ServiceName) => {
    const origin = { host, service, clock: { now_ms: () => Date.now() } };
    const access = { url: server.url, credentials_file: server.creds(service) };
    return held.use(await connectEventStore({ ...access, name: service, log, origin }));
  };
  const held = parts.move();
  return { url: server.url, data_dir, server, connect, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Why tests that need a server are skipped, or nothing. With CI=true there is no skipping: the test fails. */
export async function whyNoNats(): Promise<string | undefined> {
  try {
    await findNatsServer();
    return undefined;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return Error.isError(error) ? error.message : String(error);
  }
}
