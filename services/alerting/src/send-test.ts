import { newEvent, newId } from '@holdfast/event-store/new-event';
import { transaction } from '@holdfast/runtime/sqlite';
import type { Channel } from './adapters/channels/channel.ts';
import type { DispatcherDeps } from './dispatcher.ts';
import { testMessage } from './domain/alert/message.ts';
import type { Attempt } from './domain/delivery/schedule.ts';

/** What came of a test message. */
export interface Tested {
  channel: string;
  channel_type: string;
  outcome: 'delivered' | 'unknown' | 'failed';
  provider_id: string | null;
  reason: string | null;
}
export type TestSender = (channel: Channel, by: string) => Promise<Tested>;

function testedOf({ name: channel, type: channel_type }: Channel, result: Attempt): Tested {
  const tested = { channel, channel_type, provider_id: null, reason: null };
  if (result.outcome === 'delivered')
    return { ...tested, outcome: 'delivered', provider_id: result.provider_id };
  const outcome = result.outcome === 'unknown' ? 'unknown' : 'failed';
  return { ...tested, outcome, reason: result.reason };
}

function eventOf(
  deps: Pick<DispatcherDeps, 'origin'>,
  id: string,
  told: { by: string; result: Attempt } & Tested,
) {
  const { channel, channel_type, outcome, provider_id, result } = told;
  const facts = {
    notification_id: id,
    alert_id: id,
    channel,
    channel_type,
    kind: 'test' as const,
    attempt: 1,
  };
  const about = { subject: id, correlationid: id, actor: told.by };
  if (result.outcome === 'delivered' || outcome !== 'failed')
    return newEvent(deps.origin, 'NotificationSent', {
      ...about,
      data: { ...facts, provider_id, outcome: outcome === 'unknown' ? 'unknown' : 'delivered' },
    });
  const error = { code: 'code' in result ? result.code : 'unknown', message: result.reason };
  return newEvent(deps.origin, 'NotificationFailed', { ...about, data: { ...facts, error } });
}

/** Sends a test message at once: past the queue, tried once, and told by an event as any other. */
export function createTestSender(
  deps: Pick<DispatcherDeps, 'db' | 'outbox' | 'clock' | 'origin'>,
): TestSender {
  return async (channel, by) => {
    const now_ms = deps.clock.now_ms();
    const id = newId(now_ms);
    const message = testMessage(id, deps.origin.host, { by, now_ms });
    const signal = AbortSignal.timeout(60_000);
    const result = await channel.send(message, { notification_id: id, attempt: 1, signal });
    const tested = testedOf(channel, result);
    transaction(deps.db, () => deps.outbox.add([eventOf(deps, id, { ...tested, by, result })]));
    deps.outbox.wake();
    return tested;
  };
}
