import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startWebhook } from '@holdfast/testkit/webhook';
import { describe, expect, test } from '@jest/globals';
import { asker, bootAlerting, deleted, eventsAre, eventsOf, failed, recovered } from './boot.ts';

interface Item {
  alert_id: string;
  status: string;
  counts: Record<string, number>;
  notifications: { channel: string; status: string }[];
}
interface Page {
  items: Item[];
  next_cursor: string | null;
}

const json = async (reply: Response) => (await reply.json()) as Page;

describe('the list of alerts', () => {
  test('newest first, page by page, narrowed by what is asked', async () => {
    using dir = tempDir();
    await using booted = await bootAlerting(dir.path, {});
    const ask = await asker(booted, 'viewer');
    for (const n of [1, 2, 3]) {
      const loss = deleted(`/srv/${n}.json`, undefined, n === 2 ? 'logs' : 'conversations');
      await booted.store.append([loss, ...(n === 3 ? [] : [recovered(loss)])]);
    }
    await eventsAre(booted.store, 'AlertResolved', 2);

    const first = await json(await ask('GET', '/api/alerts?limit=2'));
    const rest = await json(await ask('GET', `/api/alerts?limit=2&cursor=${first.next_cursor}`));
    const low = await json(await ask('GET', '/api/alerts?severity=low'));
    const firing = await json(await ask('GET', '/api/alerts?status=firing'));

    expect([first.items.length, rest.items.length, rest.next_cursor]).toEqual([2, 1, null]);
    expect(new Set([...first.items, ...rest.items].map(({ alert_id }) => alert_id)).size).toBe(3);
    expect(low.items).toHaveLength(1);
    expect(firing.items).toMatchObject([{ counts: { deleted: 1, recovered: 0 } }]);
  });
});

describe('an alert', () => {
  test('is acknowledged once, by whoever has the role', async () => {
    using dir = tempDir();
    await using booted = await bootAlerting(dir.path, {});
    const loss = deleted('/srv/a.json');
    await booted.store.append([loss, failed(loss)]);
    await eventsAre(booted.store, 'AlertFired', 1);
    const viewer = await asker(booted, 'viewer');
    const operator = await asker(booted, 'backup_operator');

    expect((await viewer('POST', `/api/alerts/${loss.id}/ack`)).status).toBe(403);
    expect((await operator('POST', '/api/alerts/nothing/ack')).status).toBe(404);
    const acked = await operator('POST', `/api/alerts/${loss.id}/ack`, { comment: 'on it' });
    await operator('POST', `/api/alerts/${loss.id}/ack`);

    expect(await acked.json()).toMatchObject({ status: 'acked', counts: { failed: 1 } });
    const [event, ...more] = await eventsAre(booted.store, 'AlertAcknowledged', 1);
    expect(event).toMatchObject({ correlationid: loss.correlationid, data: { comment: 'on it' } });
    expect(more).toEqual([]);
  });

  test('is not told while it is silenced, and is when the silence is taken away', async () => {
    using dir = tempDir();
    await using receiver = await startWebhook();
    const channels = { ops: { type: 'webhook' as const, url: receiver.url, allow_private: true } };
    await using booted = await bootAlerting(dir.path, { channels });
    const operator = await asker(booted, 'backup_operator');
    const made = await operator('POST', '/api/alerts/silences', { duration: '30m', source: 'conversations' });
    const { silence_id } = (await made.json()) as { silence_id: string };

    const loss = deleted('/srv/a.json');
    await booted.store.append([loss, failed(loss)]);
    const silenced = await eventually(async () => {
      const { items } = await json(await operator('GET', '/api/alerts'));
      return items[0]?.status === 'silenced' && items[0];
    });
    expect([made.status, silenced.notifications]).toEqual([201, []]);

    expect((await operator('DELETE', `/api/alerts/silences/${silence_id}`)).status).toBe(204);
    const [request] = await receiver.received(1);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ kind: 'firing', counts: { failed: 1 } });
    expect((await operator('DELETE', `/api/alerts/silences/${silence_id}`)).status).toBe(404);
    await eventsAre(booted.store, 'SilenceRemoved', 1);
  });

  test('of a burst of refused requests fires from the fifth on', async () => {
    using dir = tempDir();
    await using booted = await bootAlerting(dir.path, {});
    for (let n = 0; n < 6; n += 1) await fetch(`${booted.url}/api/alerts`);

    const [fired] = await eventsAre(booted.store, 'AlertFired', 1);
    expect(fired?.data).toMatchObject({ rule: 'access_denied_burst', severity: 'high' });
    expect(await eventsOf(booted.store, 'AlertFired')).toHaveLength(1);
  });
});

test('a test message is sent at once, and its outcome answered and told', async () => {
  using dir = tempDir();
  await using receiver = await startWebhook();
  const channels = {
    ops: { type: 'webhook' as const, url: receiver.url, allow_private: true },
    bad: { type: 'webhook' as const, url: receiver.url },
  };
  await using booted = await bootAlerting(dir.path, { channels });
  const operator = await asker(booted, 'backup_operator');

  const good = await operator('POST', '/api/alerts/test', { channel: 'ops' });
  const all = await operator('POST', '/api/alerts/test');

  expect(await good.json()).toMatchObject({ items: [{ channel: 'ops', outcome: 'delivered' }] });
  const { items } = (await all.json()) as { items: { channel: string; outcome: string }[] };
  expect(Object.fromEntries(items.map(({ channel, outcome }) => [channel, outcome]))).toEqual({
    log: 'delivered',
    ops: 'delivered',
    bad: 'failed',
  });
  expect((await operator('POST', '/api/alerts/test', { channel: 'none' })).status).toBe(404);
  const sent = await eventsAre(booted.store, 'NotificationSent', 3);
  expect(new Set(sent.map(({ data }) => data.kind))).toEqual(new Set(['test']));
  expect(receiver.requests).toHaveLength(2);
});

test('the description of the API and the metrics are served', async () => {
  using dir = tempDir();
  await using booted = await bootAlerting(dir.path, {});
  const ask = await asker(booted, 'viewer');

  const { paths } = (await (await ask('GET', '/api/openapi.json')).json()) as { paths: object };
  const metrics = await (await ask('GET', '/metrics')).text();

  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/api/alerts', '/api/alerts/silences/{id}']));
  expect(metrics).toContain('holdfast_alerts_firing');
});
