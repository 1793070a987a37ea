import { HoldfastError } from '@holdfast/contracts/errors';
import { PROGRESS_TYPE, type ReportProgress, type WorkProgress } from '@holdfast/contracts/http/progress';
import { testContext } from '@holdfast/testkit/context';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { replyWithProgress } from './progress-reply.ts';
import { createHttpServer, type HttpServer, listen } from './server.ts';
import { issueToken } from './tokens.ts';

const clock = fakeClock();
const PROGRESS: WorkProgress = {
  ...{ doing: 'restoring', items: 'files', items_total: 2, bytes_total: 20 },
  ...{ items_done: 1, bytes_done: 10 },
};

let app: HttpServer;
let context: Awaited<ReturnType<typeof testContext>>;
let url: string;
let authorization: string;
/** Of the request that is being worked on. */
let report: ReportProgress;
let work: PromiseWithResolvers<object>;
let signal: AbortSignal;

beforeEach(async () => {
  context = await testContext({ name: 'backup', data_dir: '/nowhere', clock });
  app = await createHttpServer({ context, checks: () => [], title: 'Test' });
  work = Promise.withResolvers();
  app.post('/api/backup', { config: { role: 'viewer' } }, (request, reply) =>
    replyWithProgress({ request, reply, clock }, (asked) => {
      ({ report, signal } = asked);
      return work.promise;
    }),
  );
  url = `${await listen(app, { host: '127.0.0.1', port: 0 })}/api/backup`;
  const { token } = await issueToken(context.tokens, { name: 'me', role: 'admin', now_ms: clock.now_ms() });
  authorization = `Bearer ${token}`;
});

afterEach(async () => {
  await app.close();
  await context[Symbol.asyncDispose]();
});

const ask = (headers: Record<string, string> = {}, gone?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body: '{}',
    ...(gone && { signal: gone }),
  });
const following = (gone?: AbortSignal) => ask({ accept: PROGRESS_TYPE }, gone);

/** The messages of a reply, one after the other. */
async function* messagesOf(reply: Response) {
  if (reply.body === null) return;
  for await (const piece of reply.body.pipeThrough(new TextDecoderStream())) {
    for (const text of piece.split('\n\n')) if (text.startsWith('event: ')) yield text;
  }
}

test('who follows is told how far it is, and the result in the end', async () => {
  const reply = await following();
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, `${PROGRESS_TYPE}; charset=utf-8`]);
  const messages = messagesOf(reply);
  report(PROGRESS);
  await eventually(() => clock.waiting() > 0);
  clock.advance(500);
  expect((await messages.next()).value).toBe(`event: progress\ndata: ${JSON.stringify(PROGRESS)}`);
  work.resolve({ files: 2 });
  expect((await messages.next()).value).toBe('event: result\ndata: {"files":2}');
  expect((await messages.next()).done).toBe(true);
});

test('a failure is the problem that would have been the reply', async () => {
  const reply = await following();
  work.reject(new HoldfastError('target_occupied', 'it stands there already'));
  const { value = '' } = await messagesOf(reply).next();
  expect(value).toMatch(/^event: problem\n/);
  expect(JSON.parse(value.slice(value.indexOf('{')))).toMatchObject({
    code: 'target_occupied',
    status: 409,
    detail: 'it stands there already',
    instance: '/api/backup',
  });
});

test('the work hears of it where who followed is gone', async () => {
  const gone = new AbortController();
  await following(gone.signal);
  expect(signal.aborted).toBe(false);
  gone.abort();
  await eventually(() => signal.aborted, { what: 'the request is aborted' });
  work.reject(signal.reason);
});

test('all others get the result alone, and so does who may ask again', async () => {
  work.resolve({ files: 2 });
  for (const headers of [{}, { accept: PROGRESS_TYPE, 'idempotency-key': 'k1' }]) {
    const reply = await ask(headers as Record<string, string>);
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await reply.json()).toEqual({ files: 2 });
  }
});
