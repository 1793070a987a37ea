import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { Role } from '@holdfast/contracts/tokens';
import { testContext } from '@holdfast/testkit/context';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ReadyCheck } from './health.ts';
import { createHttpServer, type HttpServer, listen } from './server.ts';
import { issueToken } from './tokens.ts';

const clock = fakeClock();
let app: HttpServer;
let context: Awaited<ReturnType<typeof testContext>>;
let checks: ReadyCheck[];
let made: number;

beforeEach(async () => {
  context = await testContext({ name: 'backup', data_dir: '/nowhere', clock });
  checks = [];
  made = 0;
  app = await createHttpServer({ context, checks: () => checks, title: 'Test' });
  const Body = z.object({ name: z.string().min(2), fail: z.boolean().default(false) });
  app.get('/api/backup', { config: { role: 'viewer' } }, async (request) => ({
    caller: request.caller?.name,
  }));
  app.get('/api/secret', async () => 'for admins only, because nothing else is said');
  app.post(
    '/api/backup',
    { config: { role: 'backup_operator' }, schema: { body: Body } },
    async (request, reply) => {
      made += 1;
      if (request.body.fail) throw new Error('the password is hunter2');
      if (request.body.name === 'taken') throw new HoldfastError('conflict', 'that name is taken');
      return reply.code(201).header('location', `/api/backup/${made}`).send({ made });
    },
  );
});

afterEach(async () => {
  await app.close();
  await context[Symbol.asyncDispose]();
});

const tokenOf = async (role: Role) =>
  (await issueToken(context.tokens, { name: `a ${role}`, role, now_ms: clock.now_ms() })).token;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const denials = () =>
  eventually(async () => {
    const found: HoldfastEvent<'AccessDenied'>[] = [];
    for await (const { event } of context.events.read(1))
      if (event.type === 'AccessDenied') found.push(event);
    return found.length > 0 && found;
  });

describe('access', () => {
  test('the role is enough, or more than enough', async () => {
    for (const role of ['viewer', 'backup_operator', 'admin'] as const) {
      const reply = await app.inject({ url: '/api/backup', headers: bearer(await tokenOf(role)) });
      expect([reply.statusCode, reply.json()]).toEqual([200, { caller: `a ${role}` }]);
    }
  });

  test('no token: 401, and an event that names the route', async () => {
    const reply = await app.inject('/api/backup');
    expect(reply.statusCode).toBe(401);
    expect(reply.headers['www-authenticate']).toBe('Bearer');
    expect(reply.headers['content-type']).toContain('application/problem+json');
    expect(reply.json()).toMatchObject({ code: 'unauthenticated', status: 401, instance: '/api/backup' });
    const [event] = await denials();
    expect(event?.data).toMatchObject({ reason: 'no_token', route: '/api/backup', role_needed: 'viewer' });
    expect(event?.source).toBe('holdfast/test-host/backup');
  });

  test('a wrong secret, a strange form and an unknown id are all refused', async () => {
    const token = await tokenOf('admin');
    const wrong = [
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
      'x',
      `hf_${'0'.repeat(16)}_${'A'.repeat(43)}`,
    ];
    for (const bad of wrong) {
      expect((await app.inject({ url: '/api/backup', headers: bearer(bad) })).statusCode).toBe(401);
    }
    expect((await denials()).map(({ data }) => data.reason)).toEqual(Array(3).fill('unknown_token'));
    expect(JSON.stringify(await denials())).not.toContain(token.slice(20));
  });

  test('too small a role: 403, with the id of the token', async () => {
    const headers = bearer(await tokenOf('viewer'));
    const reply = await app.inject({
      method: 'POST',
      url: '/api/backup',
      headers,
      payload: { name: 'daily' },
    });
    expect([reply.statusCode, reply.json().code, made]).toEqual([403, 'forbidden', 0]);
    const [event] = await denials();
    expect(event?.data).toMatchObject({ reason: 'role', role_needed: 'backup_operator' });
    expect(event?.data.token_id).toMatch(/^[0-9a-f]{16}$/);
  });

  test('a route that says nothing is for admins', async () => {
    const get = async (role: Role) =>
      app.inject({ url: '/api/secret', headers: bearer(await tokenOf(role)) });
    expect((await get('backup_operator')).statusCode).toBe(403);
    expect((await get('admin')).statusCode).toBe(200);
  });

  test('a revoked token and an expired one open nothing', async () => {
    const { token, record } = await issueToken(context.tokens, {
      name: 'short',
      role: 'admin',
      now_ms: clock.now_ms(),
      expires_at_ms: clock.now_ms() + 1000,
    });
    const revoked = await tokenOf('admin');
    await context.tokens.delete(revoked.split('_')[1] ?? '');
    clock.advance(1000);
    expect((await app.inject({ url: '/api/backup', headers: bearer(token) })).statusCode).toBe(401);
    expect((await app.inject({ url: '/api/backup', headers: bearer(revoked) })).statusCode).toBe(401);
    expect(record.hash).not.toContain(token);
  });

  test('many refusals in a second are not as many events', async () => {
    for (let count = 0; count < 50; count++) await app.inject('/api/backup');
    expect((await denials()).length).toBe(20);
    expect(await context.registry.metrics()).toMatch(
      /holdfast_access_denied_total\{reason="no_token".*\} 50/,
    );
  });
});

describe('problems', () => {
  test('each wrong field is named', async () => {
    const headers = bearer(await tokenOf('admin'));
    const reply = await app.inject({
      method: 'POST',
      url: '/api/backup',
      headers,
      payload: { name: 'x', fail: 'no' },
    });
    expect(reply.statusCode).toBe(400);
    expect(reply.json().code).toBe('bad_request');
    expect(reply.json().errors.map(({ field }: { field: string }) => field)).toEqual([
      'body.name',
      'body.fail',
    ]);
  });

  test('what is no JSON is a bad request', async () => {
    const headers = { ...bearer(await tokenOf('admin')), 'content-type': 'application/json' };
    const reply = await app.inject({ method: 'POST', url: '/api/backup', headers, payload: '{' });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'bad_request']);
  });

  test('an unexpected failure does not tell what it was', async () => {
    const headers = bearer(await tokenOf('admin'));
    const payload = { name: 'ok', fail: true };
    const reply = await app.inject({ method: 'POST', url: '/api/backup', headers, payload });
    expect([reply.statusCode, reply.json().code]).toEqual([500, 'internal']);
    expect(reply.body).not.toContain('hunter2');
  });

  test('no such route: 404, without the query', async () => {
    const reply = await app.inject('/api/nothing?token=abc');
    expect([reply.statusCode, reply.json().instance]).toEqual([404, '/api/nothing']);
    expect(reply.body).not.toContain('abc');
  });
});

describe('Idempotency-Key', () => {
  const post = async (key: string, payload: object, token: string) =>
    app.inject({
      method: 'POST',
      url: '/api/backup',
      headers: { ...bearer(token), 'idempotency-key': key },
      payload,
    });

  test('the second time is answered like the first and not done', async () => {
    const token = await tokenOf('admin');
    const first = await post('k1', { name: 'daily' }, token);
    const second = await post('k1', { name: 'daily' }, token);
    expect([second.statusCode, second.body, second.headers.location]).toEqual([
      201,
      first.body,
      '/api/backup/1',
    ]);
    expect([made, second.headers['idempotent-replayed']]).toEqual([1, 'true']);
    expect((await post('k2', { name: 'daily' }, token)).json()).toEqual({ made: 2 });
  });

  test('another body, another caller, a failure', async () => {
    const token = await tokenOf('admin');
    await post('k1', { name: 'daily' }, token);
    expect((await post('k1', { name: 'weekly' }, token)).json().code).toBe('idempotency_mismatch');
    expect((await post('k1', { name: 'weekly' }, await tokenOf('admin'))).statusCode).toBe(201);
    expect((await post('k3', { name: 'daily', fail: true }, token)).statusCode).toBe(500);
    expect((await post('k3', { name: 'daily' }, token)).statusCode).toBe(201);
    expect((await post('k4', { name: 'taken' }, token)).statusCode).toBe(409);
    expect((await post('k4', { name: 'taken' }, token)).headers['idempotent-replayed']).toBe('true');
  });
});

describe('health', () => {
  test('ready only where every check is', async () => {
    expect((await app.inject('/livez')).statusCode).toBe(200);
    expect((await app.inject('/readyz')).json()).toEqual({
      status: 'ready',
      checks: [{ name: 'nats', ok: true }],
    });
    checks = [{ name: 'projection', ok: false, detail: 'stopped at 12' }];
    const reply = await app.inject('/readyz');
    expect([reply.statusCode, reply.json().checks[1]]).toEqual([503, checks[0]]);
  });

  test('metrics are for viewers', async () => {
    expect((await app.inject('/metrics')).statusCode).toBe(401);
    const reply = await app.inject({ url: '/metrics', headers: bearer(await tokenOf('viewer')) });
    expect(reply.body).toContain('holdfast_http_request_duration_seconds_bucket');
    expect(reply.body).toContain('service="backup"');
  });
});

test('OpenAPI 3.1 is made from the routes, with the role of each', async () => {
  await app.ready();
  const reply = await app.inject('/api/openapi.json');
  const document = reply.json();
  expect(document.openapi).toBe('3.1.0');
  expect(document.paths['/api/backup'].post['x-role']).toBe('backup_operator');
  expect(
    document.paths['/api/backup'].post.requestBody.content['application/json'].schema.required,
  ).toContain('name');
  expect(document.paths['/livez'].get.security).toEqual([]);
  expect((await app.inject('/api/docs/')).statusCode).toBe(200);
});

test('a taken port is one clear error', async () => {
  const url = await listen(app, { host: '127.0.0.1', port: 0 });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const other = await createHttpServer({
    context: await testContext({ name: 'audit', data_dir: '/' }),
    checks: () => [],
    title: '',
  });
  const error = await listen(other, { host: '127.0.0.1', port: Number(new URL(url).port) }).catch(
    (thrown) => thrown,
  );
  expect([error.code, error.message]).toEqual([
    'port_taken',
    `something listens on ${new URL(url).host} already`,
  ]);
  await other.close();
});
