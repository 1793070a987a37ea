import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServiceName } from '@holdfast/contracts/catalog';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createFront } from './front.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** A service that shows its metrics to one token only, and counts who asked. */
async function fakeService(name: string): Promise<{ url: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ headers: { authorization } }, reply) => {
    asked.push(authorization);
    if (authorization === 'Bearer good') reply.end(`# TYPE up gauge\nup{of="${name}"} 1\n`);
    else reply.writeHead(401).end(JSON.stringify({ code: 'unauthenticated', status: 401 }));
  }).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function frontOf(names: ServiceName[]) {
  const fakes = new Map(
    await Promise.all(names.map(async (name) => [name, await fakeService(name)] as const)),
  );
  const services: ServiceName[] = ['audit', 'monitor', 'backup'];
  const front = await createFront({ services, upstream: (name) => fakes.get(name)?.url, version: '0' });
  return { front, fakes };
}

describe('GET /metrics of the whole', () => {
  test('passes the token on and joins what runs', async () => {
    const { front } = await frontOf(['audit', 'monitor']);
    const reply = await front.inject({ url: '/metrics', headers: { authorization: 'Bearer good' } });
    expect(reply.statusCode).toBe(200);
    expect(reply.body).toContain('up{of="audit",service="audit"} 1');
    expect(reply.body).toContain('up{of="monitor",service="monitor"} 1');
    await front.close();
  });

  test('is refused once, by audit, and no other service is asked', async () => {
    const { front, fakes } = await frontOf(['audit', 'monitor']);
    const reply = await front.inject('/metrics');
    expect(reply.statusCode).toBe(401);
    expect(reply.json()).toMatchObject({ code: 'unauthenticated', instance: '/metrics' });
    expect(fakes.get('audit')?.asked).toEqual([undefined]);
    expect(fakes.get('monitor')?.asked).toEqual([]);
    await front.close();
  });
});
