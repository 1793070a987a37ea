import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { newEvent } from '@holdfast/event-store/new-event';
import { systemClock } from '@holdfast/runtime/clock';
import { startTestNats, whyNoNats } from '@holdfast/testkit/nats';
import { expect, test } from '@jest/globals';
import { boot, facts, HOST, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

const why_not = await whyNoNats();

(why_not === undefined ? test : test.skip)(
  'over a real NATS, as its own user: an edit is told within a second, also after a restart',
  async () => {
    using at = place();
    const path = at.write('a.json', '{"a":1}');
    await using nats = await startTestNats();
    const monitor = await nats.connect('monitor');
    const repository = memoryRepository();
    const tell = async () => {
      const origin = { host: HOST, service: 'monitor', clock: systemClock } as const;
      const event = newEvent(origin, 'FileModified', { subject: path, data: facts(path) });
      await monitor.append([event as HoldfastEvent]);
    };
    for (const [count, content] of [
      [2, '{"a":2}'],
      [3, '{"a":3}'],
    ] as const) {
      await using backup = await boot(at, { repository, events: await nats.connect('backup') });
      await backup.created(count - 1);
      at.write('a.json', content);
      const started = performance.now();
      await tell();
      const manifests = await backup.created(count);
      expect(performance.now() - started).toBeLessThan(1000);
      expect(manifests).toHaveLength(count);
    }
  },
);
