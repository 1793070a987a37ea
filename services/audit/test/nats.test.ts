import { readFileSync } from 'node:fs';
import { HoldfastConfig } from '@holdfast/contracts/config';
import type { AuditItem } from '@holdfast/contracts/http/audit';
import { dataPaths } from '@holdfast/contracts/paths';
import { silentLogger } from '@holdfast/runtime/logger';
import type { RunningService, ServiceConfig } from '@holdfast/runtime/service';
import { startTestNats, TEST_HOST, type TestNats, whyNoNats } from '@holdfast/testkit/nats';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startAudit } from '../src/service.ts';
import { openStream } from './live-stream.ts';
import { sampleEvent } from './sample-events.ts';

const missing = await whyNoNats();

(missing === undefined ? describe : describe.skip)('with a real NATS server', () => {
  let nats: TestNats;
  let service: RunningService;
  let token: string;
  let service_config: ServiceConfig;

  beforeAll(async () => {
    nats = await startTestNats({ host: TEST_HOST });
    const { data_dir, url, server } = nats;
    service_config = {
      config: HoldfastConfig.parse({ host: TEST_HOST, data_dir }),
      data_dir,
      nats: { url, credentials_file: server.creds('audit') },
      http: { host: '127.0.0.1', port: 0 },
      version: '0.0.0-test',
    };
    service = await startAudit(service_config, { log: silentLogger() });
    token = readFileSync(dataPaths(data_dir).admin_token, 'utf8').trim();
  });

  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  const get = (path: string, init: RequestInit = {}) =>
    fetch(service.url + path, { ...init, headers: { authorization: `Bearer ${token}` } });

  async function list(query: string): Promise<AuditItem[]> {
    const reply = await get(`/api/audit/events?${query}`);
    return ((await reply.json()) as { items: AuditItem[] }).items;
  }

  /** Those of the sample that the monitor of the test host may publish. */
  const own = Array.from({ length: 400 }, (_, n) => sampleEvent(n)).filter(({ source }) =>
    source.includes(`/${TEST_HOST}/`),
  );

  test('events go live and stay, in order, once, also over a restart in the middle', async () => {
    const monitor = await nats.connect('monitor');
    await using stream = await openStream(`${service.url}/api/audit/stream?type=FileModified,FileDeleted`, {
      token,
    });
    await monitor.append(own.slice(0, 100));
    expect((await stream.take(100)).map(({ event }) => event.id)).toEqual(
      own.slice(0, 100).map(({ id }) => id),
    );

    await service[Symbol.asyncDispose]();
    await monitor.append(own.slice(100));
    service = await startAudit(service_config, { log: silentLogger() });
    const found = await eventually(async () => {
      const items = await list('type=FileModified,FileDeleted&limit=1000');
      return items.length >= own.length && items;
    });
    expect(found.map(({ id }) => id)).toEqual(own.map(({ id }) => id));
    const all = await list('limit=1000');
    expect(all.map(({ auditindex }) => auditindex)).toEqual(all.map((_, at) => at));
  });

  test('a refusal is published and kept', async () => {
    const refused = await fetch(`${service.url}/api/tokens`);
    expect(refused.status).toBe(401);
    const [denied] = await eventually(async () => {
      const items = await list('type=AccessDenied');
      return items.length > 0 && items;
    });
    expect(denied?.source).toBe(`holdfast/${TEST_HOST}/audit`);
  });

  test('a token made here opens at once, and not after it was revoked', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'probe', role: 'viewer' });
    const made = await fetch(`${service.url}/api/tokens`, { method: 'POST', headers, body });
    const created = (await made.json()) as { token: string; token_id: string };
    const probe = () =>
      fetch(`${service.url}/api/audit/events`, { headers: { authorization: `Bearer ${created.token}` } });
    await eventually(async () => (await probe()).status === 200);
    await get(`/api/tokens/${created.token_id}`, { method: 'DELETE' });
    await eventually(async () => (await probe()).status === 401);
    expect(await list('type=TokenRevoked&q=probe')).toHaveLength(1);
  });
});
