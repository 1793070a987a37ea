import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { startWebhook } from '@holdfast/testkit/webhook';
import { expect, test } from '@jest/globals';
import { bootAlerting, deleted, eventsAre, recovered } from './boot.ts';

const why = await whyNoNats();
const withNats = why === undefined ? test : test.skip;

withNats(
  'over real NATS, with its own least permissions: the story from the loss to the message',
  async () => {
    using dir = tempDir();
    await using nats = await startTestNats();
    await using receiver = await startWebhook();
    const channels = { ops: { type: 'webhook' as const, url: receiver.url, allow_private: true } };
    const store = await nats.connect('alerting');
    await using booted = await bootAlerting(dir.path, { channels }, { store });
    const [monitor, recovery] = [await nats.connect('monitor'), await nats.connect('recovery')];

    const loss = deleted('/srv/kb_populated_0001.json');
    await monitor.append([loss]);
    await recovery.append([recovered(loss)]);

    await receiver.received(1);
    const [sent] = await eventsAre(booted.store, 'NotificationSent', 1);
    expect(sent).toMatchObject({ correlationid: loss.correlationid, data: { outcome: 'delivered' } });
  },
);
