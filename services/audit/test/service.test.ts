import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { AuditItem } from '@holdfast/contracts/http/audit';
import { dataPaths } from '@holdfast/contracts/paths';
import type { Role } from '@holdfast/contracts/tokens';
import { createMemoryStore, type MemoryStore } from '@holdfast/event-store/memory-store';
import { issueToken } from '@holdfast/http/tokens';
import type { RunningService } from '@holdfast/runtime/service';
import { testContext } from '@holdfast/testkit/context';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startAudit } from '../src/service.ts';
import { sampleEvent } from './sample-events.ts';

let dir: ReturnType<typeof tempDir>;
let events: MemoryStore;
let service: RunningService;
let admin: string;

async function start(): Promise<RunningService> {
  const context = await testContext({ name: 'audit', data_dir: dir.path, events });
  return startAudit(context.service_config, context);
}

beforeEach(async () => {
  dir = tempDir();
  events = createMemoryStore();
  service = await start();
  admin = readFileSync(dataPaths(dir.path).admin_token, 'utf8').trim();
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

async function call(path: string, init: RequestInit & { token?: string } = {}): Promise<Response> {
  const headers = { ...(init.body != null && { 'content-type': 'application/json' }), ...init.headers };
  return fetch(service.url + path, {
    ...init,
    headers: { ...headers, authorization: `Bearer ${init.token ?? admin}` },
  });
}

/** What the replies of these tests hold, one or the other. */
interface Reply {
  code: string;
  token: string;
  token_id: string;
  items: { token_id: string }[];
}
const jsonOf = async (reply: Response) => (await reply.json()) as Reply;

async function tokenOf(role: Role): Promise<string> {
  const tokens = await events.keyValue('TOKENS');
  return (await issueToken(tokens, { name: `a ${role}`, role, now_ms: Date.now() })).token;
}

type Page = { items: AuditItem[]; next_cursor: string | null };

async function list(query = ''): Promise<Page> {
  const reply = await call(`/api/audit/events?${query}`);
  expect(reply.status).toBe(200);
  return (await reply.json()) as Page;
}

async function publish(from: number, to: number): Promise<HoldfastEvent[]> {
  const made = Array.from({ length: to - from }, (_, at) => sampleEvent(from + at));
  await events.append(made);
  await eventually(async () => (await list('order=desc&limit=1')).items[0]?.id === made.at(-1)?.id);
  return made;
}

describe('the log', () => {
  test('holds the events as they are, in order, each once, with their place', async () => {
    const made = await publish(0, 30);
    await events.append(made.slice(0, 5));
    const { items, next_cursor } = await list('limit=1000');
    const own = items.filter(({ type }) => type !== 'TokenCreated');
    expect(own.map(({ auditindex, ...event }) => event)).toEqual(JSON.parse(JSON.stringify(made)));
    expect(items.map(({ auditindex }) => auditindex)).toEqual(items.map((_, at) => at));
    expect(next_cursor).toBeNull();
  });

  test('is paged with cursors that belong to their question', async () => {
    const made = await publish(0, 25);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await list(`type=FileDeleted&limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(made.filter(({ type }) => type === 'FileDeleted').map(({ id }) => id));
    const { next_cursor } = await list('type=FileDeleted&limit=3');
    const other = await call(`/api/audit/events?type=FileModified&cursor=${next_cursor}`);
    expect([other.status, (await jsonOf(other)).code]).toEqual([400, 'bad_request']);
  });

  test.each(['limit=1001', 'limit=0', 'since=yesterday', 'order=up', 'cursor=x', 'q=--'])(
    '%s is a bad request',
    async (query) => {
      const reply = await call(`/api/audit/events?${query}`);
      expect([reply.status, (await jsonOf(reply)).code]).toEqual([400, 'bad_request']);
    },
  );

  test('tells the story of one loss, in order', async () => {
    const made = await publish(0, 20);
    const { items } = await list('correlation_id=correlation-2');
    expect(items.map(({ id }) => id)).toEqual(made.slice(10, 15).map(({ id }) => id));
  });

  test('gives one event, and its very bytes', async () => {
    const [first] = await publish(0, 2);
    const shown = (await (await call(`/api/audit/events/${first?.id}`)).json()) as AuditItem;
    expect(shown.id).toBe(first?.id);
    expect(await (await call(`/api/audit/events/${shown.auditindex}`)).json()).toEqual(shown);
    const leaf = await call(`/api/audit/events/${first?.id}/leaf`);
    expect(await leaf.text()).toBe(JSON.stringify(first));
    expect((await call('/api/audit/events/999')).status).toBe(404);
  });

  test('is exported as NDJSON and CSV', async () => {
    const made = await publish(0, 900);
    const ndjson = await (await call('/api/audit/export?type=FileModified,FileDeleted')).text();
    const lines = ndjson.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(made.map(({ id }) => id));
    const csv = await call('/api/audit/export?format=csv&correlation_id=correlation-0');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect((await csv.text()).trimEnd().split('\r\n')).toHaveLength(6);
    expect(await (await call('/api/audit/export?type=Nothing')).text()).toBe('');
  });

  test('stays through a restart, which adds nothing', async () => {
    const made = await publish(0, 10);
    await service[Symbol.asyncDispose]();
    service = await start();
    expect(readFileSync(dataPaths(dir.path).admin_token, 'utf8').trim()).toBe(admin);
    const own = (await list('type=FileModified,FileDeleted')).items;
    expect(own.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    expect((await list('type=TokenCreated')).items).toHaveLength(1);
  });
});

describe('access', () => {
  test('the first token of an admin is for its owner only', () => {
    expect(admin).toMatch(/^hf_[0-9a-f]{16}_[\w-]{43}$/);
    expect(statSync(dataPaths(dir.path).admin_token).mode & 0o777).toBe(0o600);
  });

  test('a viewer reads the log and is refused the tokens, which the log tells', async () => {
    const token = await tokenOf('viewer');
    await eventually(async () => (await call('/api/audit/events', { token })).status === 200);
    const refused = await call('/api/tokens', { token });
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([403, 'forbidden']);
    const [denied] = await eventually(async () => {
      const { items } = await list('type=AccessDenied');
      return items.length > 0 && items;
    });
    expect(denied?.data).toMatchObject({ reason: 'role', route: '/api/tokens', service: 'audit' });
    expect((await call('/api/config', { token })).status).toBe(403);
    expect((await fetch(`${service.url}/api/audit/events`)).status).toBe(401);
  });

  test('a token is made, opens what its role may, is listed without secrets, and revoked', async () => {
    const body = JSON.stringify({ name: 'the night watch', role: 'viewer' });
    const made = await call('/api/tokens', { method: 'POST', body });
    expect(made.status).toBe(201);
    const { token, ...view } = await jsonOf(made);
    expect(made.headers.get('location')).toBe(`/api/tokens/${view.token_id}`);
    await eventually(async () => (await call('/api/audit/events', { token })).status === 200);
    const listed = await (await call('/api/tokens')).text();
    expect(JSON.parse(listed).items).toContainEqual(view);
    expect(listed).not.toMatch(/hash|hf_/);
    expect((await call(`/api/tokens/${view.token_id}`, { method: 'DELETE' })).status).toBe(204);
    await eventually(async () => (await call('/api/audit/events', { token })).status === 401);
    const told = await eventually(async () => {
      const { items } = await list('type=TokenCreated,TokenRevoked&q=night');
      return items.length === 2 && items;
    });
    expect(JSON.stringify(told)).not.toContain(token.slice(20));
    expect((await call(`/api/tokens/${view.token_id}`, { method: 'DELETE' })).status).toBe(404);
  });

  test('the last admin cannot be locked out', async () => {
    const { items } = await jsonOf(await call('/api/tokens'));
    const refused = await call(`/api/tokens/${items[0]?.token_id}`, { method: 'DELETE' });
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([409, 'conflict']);
  });

  test('a token file from before the bucket was lost opens again; one that is damaged is named', async () => {
    await service[Symbol.asyncDispose]();
    events = createMemoryStore();
    service = await start();
    expect((await call('/api/tokens')).status).toBe(200);
    const elsewhere = `${dir.path}/other`;
    mkdirSync(elsewhere);
    writeFileSync(dataPaths(elsewhere).admin_token, 'nonsense');
    const context = await testContext({ name: 'audit', data_dir: elsewhere });
    await expect(startAudit(context.service_config, context)).rejects.toThrow(
      dataPaths(elsewhere).admin_token,
    );
  });
});

test('the page and its files need no token and may load nothing from elsewhere', async () => {
  const page = await fetch(`${service.url}/`);
  const html = await page.text();
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const files = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path);
  expect(files).toHaveLength(2);
  const script = await (await fetch(`${service.url}/api/audit/ui/page.js`)).text();
  const imported = [...script.matchAll(/from '\.\/([^']+)'/g)].map(([, file]) => `/api/audit/ui/${file}`);
  for (const file of [...files, ...imported, '/api/audit/ui/describe.js'])
    expect((await fetch(service.url + file)).status).toBe(200);
  expect(html).not.toMatch(/<script>|<style>| style=| onclick=/);
});

test('the configuration is shown without secrets', async () => {
  const shown = await (await call('/api/config')).json();
  expect(shown).toMatchObject({ host: 'test-host', http: { port: 8420 } });
});
