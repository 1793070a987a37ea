import { tempDir } from '@holdfast/testkit/temp-dir';
import { eventually } from '@holdfast/testkit/wait-for';
import { startWebhook } from '@holdfast/testkit/webhook';
import { expect, test } from '@jest/globals';
import { bootAlerting, deleted, eventsAre, recovered } from './boot.ts';

const INCIDENTS = 200;

test('many small incidents at once: few messages, exact counts, and every story has its end', async () => {
  using dir = tempDir();
  await using receiver = await startWebhook();
  const channels = { ops: { type: 'webhook' as const, url: receiver.url, allow_private: true } };
  await using booted = await bootAlerting(dir.path, { channels, group_interval_ms: 2000 });
  const losses = Array.from({ length: INCIDENTS }, (_, n) => deleted(`/srv/${n}.json`));

  for (const loss of losses) await booted.store.append([loss, recovered(loss)]);

  const sent = await eventsAre(booted.store, 'NotificationSent', INCIDENTS);
  const bodies = receiver.requests.map(({ body }) => JSON.parse(body));
  const told = bodies.reduce((sum, { counts }) => sum + counts.recovered, 0);
  expect(new Set(sent.map(({ correlationid }) => correlationid)).size).toBe(INCIDENTS);
  expect(told).toBe(INCIDENTS);
  expect(bodies.length).toBeLessThanOrEqual(INCIDENTS / 4);
});

test('one big incident: two messages, the last with all of it', async () => {
  using dir = tempDir();
  await using receiver = await startWebhook();
  const channels = { ops: { type: 'webhook' as const, url: receiver.url, allow_private: true } };
  await using booted = await bootAlerting(dir.path, { channels });
  const files = 5000;
  const incident = deleted('/srv/first').correlationid;

  for (let n = 0; n < files; n += 500) {
    const losses = Array.from({ length: 500 }, (_, k) => deleted(`/srv/${n + k}`, incident));
    await booted.store.append(losses);
    await booted.store.append(losses.map((loss) => recovered(loss)));
  }

  const last = await eventually(() => {
    const body = receiver.requests.at(-1)?.body ?? '{}';
    const { counts } = JSON.parse(body) as { counts?: Record<string, number> };
    return counts?.['recovered'] === files && counts;
  });
  expect(last).toMatchObject({ deleted: files, recovered: files, failed: 0 });
  expect(receiver.requests.length).toBeLessThanOrEqual(3);
});
