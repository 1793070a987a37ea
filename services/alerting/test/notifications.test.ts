import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createLogger } from '@holdfast/runtime/logger';
import { startSmtp } from '@holdfast/testkit/smtp';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startWebhook } from '@holdfast/testkit/webhook';
import { describe, expect, test } from '@jest/globals';
import { signatureOf } from '../src/adapters/channels/webhook.ts';
import {
  bootAlerting,
  deleted,
  eventsAre,
  eventsOf,
  failed,
  IMPATIENT,
  recovered,
  TRACE_ID,
} from './boot.ts';

const PATH = '/srv/kb_populated_0001.json';
const SUBJECT = '1 file deleted and recovered in 18 ms: kb_populated_0001.json (conversations on web1)';

const hook = (url: string) => ({ ops: { type: 'webhook' as const, url, allow_private: true } });

describe('a webhook', () => {
  test('gets one message that tells the loss and its outcome, signed, and the story goes on', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    const secret_file = join(dir.path, 'secret');
    writeFileSync(secret_file, 'hush-hush\n');
    const channels = {
      ops: { type: 'webhook' as const, url: receiver.url, secret_file, allow_private: true },
    };
    await using booted = await bootAlerting(dir.path, { channels });

    const loss = deleted(PATH);
    await booted.store.append([loss]);
    await booted.store.append([recovered(loss)]);

    const [request] = await receiver.received(1);
    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    const [resolved] = await eventsOf(booted.store, 'AlertResolved');
    const body = JSON.parse(request?.body ?? '');
    expect(body).toMatchObject({
      kind: 'resolved',
      summary: SUBJECT,
      counts: { deleted: 1, recovered: 1, failed: 0 },
      paths: [PATH],
      correlation_id: loss.correlationid,
    });
    expect(request?.headers['idempotency-key']).toBe(body.notification_id);
    expect(request?.headers['x-holdfast-signature']).toBe(signatureOf(request?.body ?? '', 'hush-hush'));
    expect(sent).toMatchObject({
      correlationid: loss.correlationid,
      causationid: resolved?.id,
      data: { outcome: 'delivered', channel: 'ops', attempt: 1 },
      traceparent: expect.stringMatching(`^00-${TRACE_ID}-`),
    });
    expect(await eventsOf(booted.store, 'AlertFired')).toHaveLength(1);
    expect(receiver.requests).toHaveLength(1);
  });

  test('is tried again after a 500, with the same key and the same bytes', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply(500);
    await using booted = await bootAlerting(dir.path, { channels: hook(receiver.url) });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);
    await receiver.received(2);
    receiver.reply(200);

    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    const keys = new Set(
      receiver.requests.map(({ headers, body }) => `${headers['idempotency-key']} ${body}`),
    );
    expect(keys.size).toBe(1);
    expect(sent?.data.attempt).toBe(receiver.requests.length);
    expect(await eventsOf(booted.store, 'NotificationFailed')).toEqual([]);
  });

  test('that stays broken is given up, and the log hears of it instead', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply(503);
    await using booted = await bootAlerting(dir.path, { channels: hook(receiver.url) });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);

    const [gone] = await eventsAre(booted.store, 'NotificationFailed', 1);
    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    expect(gone?.data).toMatchObject({ channel: 'ops', attempt: IMPATIENT.attempts_max });
    expect(gone?.data.error.code).toBe('http_503');
    expect(sent?.data).toMatchObject({ channel: 'log', channel_type: 'log' });
  });

  test('that refuses with a 404 is not asked again', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply(404);
    await using booted = await bootAlerting(dir.path, { channels: hook(receiver.url) });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);

    await eventsAre(booted.store, 'NotificationFailed', 1);
    expect(receiver.requests).toHaveLength(1);
  });

  test('that took it and does not answer: the outcome is unknown, and it is not sent twice', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply('hang');
    const overrides = { channel_timeout_ms: 100 };
    await using booted = await bootAlerting(dir.path, { channels: hook(receiver.url) }, { overrides });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);

    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    expect(sent?.data.outcome).toBe('unknown');
    expect(receiver.requests).toHaveLength(1);
  });

  test('on a private address is refused, by literal and by name', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    const { port } = new URL(receiver.url);
    const channels = {
      literal: { type: 'webhook' as const, url: receiver.url },
      mapped: { type: 'webhook' as const, url: `http://[::ffff:127.0.0.1]:${port}/` },
      named: { type: 'webhook' as const, url: `http://localhost:${port}/` },
    };
    await using booted = await bootAlerting(dir.path, { channels });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);

    const refusals = await eventsAre(booted.store, 'NotificationFailed', 3);
    expect(new Set(refusals.map(({ data }) => data.error.code))).toEqual(new Set(['private_address']));
    expect(receiver.requests).toEqual([]);
  });
});

describe('a restart', () => {
  test('between the sending and the record: unknown, told once', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply('hang');
    const alerts = { channels: hook(receiver.url) };
    const first = await bootAlerting(dir.path, alerts);
    const loss = deleted(PATH);
    await first.store.append([loss, recovered(loss)]);
    await receiver.received(1);
    // What the disk holds at this moment is what a killed process leaves.
    using killed = tempDir();
    cpSync(dir.path, killed.path, { recursive: true });
    const second = await bootAlerting(killed.path, alerts, { store: first.store });

    const [sent] = await eventsAre(first.store, 'NotificationSent', 1);
    expect(sent?.data.outcome).toBe('unknown');
    expect(receiver.requests).toHaveLength(1);
    await second[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
  });

  test('while a message waits for its next try: it is not forgotten', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    receiver.reply(500);
    const alerts = { channels: hook(receiver.url) };
    const patient = { retry: { attempts_max: 8, base_ms: 100_000, wait_max_ms: 200 } };
    const first = await bootAlerting(dir.path, alerts, { overrides: patient });
    const loss = deleted(PATH);
    await first.store.append([loss, recovered(loss)]);
    await receiver.received(1);
    await first[Symbol.asyncDispose]();
    receiver.reply(200);

    await using second = await bootAlerting(dir.path, alerts, { store: first.store });
    const [sent] = await eventsAre(second.store, 'NotificationSent', 1);
    expect(sent?.data.outcome).toBe('delivered');
    expect(await eventsOf(second.store, 'AlertFired')).toHaveLength(1);
  });
});

describe('the other channels', () => {
  test('Slack gets blocks and a text, escaped', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    const channels = { chat: { type: 'slack' as const, webhook_url: receiver.url, allow_private: true } };
    await using booted = await bootAlerting(dir.path, { channels });

    const loss = deleted('/srv/<!channel> & `co`.json');
    await booted.store.append([loss, failed(loss, 'no <good> version')]);

    const [request] = await receiver.received(1);
    const payload = JSON.parse(request?.body ?? '');
    expect(payload.text).toContain('1 file deleted and NOT recovered: &lt;!channel&gt; &amp; `co`.json');
    expect(payload.blocks.map(({ type }: { type: string }) => type)).toEqual([
      'header',
      'section',
      'section',
      'context',
    ]);
    expect(payload.blocks[2].text.text).toBe(
      '`/srv/&lt;!channel&gt; &amp; ˋcoˋ.json`: no &lt;good&gt; version',
    );
  });

  test('an email arrives, with a text and a small HTML part', async () => {
    using dir = tempDir();
    await using smtp = await startSmtp();
    const channels = {
      mail: { type: 'email' as const, smtp_url: smtp.url, from: 'holdfast@web1.test', to: ['ana@bmc.test'] },
    };
    await using booted = await bootAlerting(dir.path, { channels });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);

    const [mail] = await smtp.received(1);
    const unfolded = mail?.raw.replaceAll('\r\n ', ' ') ?? '';
    expect(mail?.to).toEqual(['ana@bmc.test']);
    expect(unfolded).toContain(`Subject: ${SUBJECT}`);
    expect(unfolded).toContain('Content-Type: text/plain');
    expect(unfolded).toContain('Content-Type: text/html');
    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    expect(sent?.data).toMatchObject({ channel_type: 'email', outcome: 'delivered' });
  });

  test('without any channel the log tells', async () => {
    using dir = tempDir();
    const lines = new PassThrough();
    const log = createLogger({ name: 'alerting', stream: lines });
    await using booted = await bootAlerting(dir.path, {}, { overrides: { log } });

    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);
    await eventsAre(booted.store, 'NotificationSent', 1);

    lines.end();
    expect(await text(lines)).toContain(SUBJECT);
  });
});

test('no secret is in a log line, an event or an answer', async () => {
  using dir = tempDir();
  await using receiver = await startWebhook();
  receiver.reply(500);
  const lines = new PassThrough();
  const log = createLogger({ name: 'alerting', level: 'trace', stream: lines });
  const { port } = new URL(receiver.url);
  const channels = {
    ops: {
      type: 'webhook' as const,
      url: `${receiver.url}/PATHSECRET?key=QUERYSECRET`,
      secret: 'HMACSECRET',
      allow_private: true,
    },
    chat: { type: 'slack' as const, webhook_url: `http://127.0.0.1:${port}/services/SLACKSECRET` },
    mail: {
      type: 'email' as const,
      smtp_url: 'smtp://u:MAILSECRET@127.0.0.1:1',
      from: 'a@b.test',
      to: ['c@d.test'],
    },
    odd: { type: 'webhook' as const, url: 'not a URL: ODDSECRET' },
  };
  {
    await using booted = await bootAlerting(dir.path, { channels }, { overrides: { log } });
    const loss = deleted(PATH);
    await booted.store.append([loss, recovered(loss)]);
    await eventsAre(booted.store, 'NotificationFailed', 4);
    const told = await eventually(async () => {
      const all = await eventsOf(booted.store, 'NotificationSent');
      return all.length > 0 && JSON.stringify([all, await eventsOf(booted.store, 'NotificationFailed')]);
    });
    expect(told).not.toContain('SECRET');
  }
  lines.end();
  expect(await text(lines)).not.toContain('SECRET');
});
