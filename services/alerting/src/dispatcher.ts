import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastConfig } from '@holdfast/contracts/config';
import { newEvent, newId, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import type { Clock } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';
import { transaction } from '@holdfast/runtime/sqlite';
import { inSpan } from '@holdfast/runtime/telemetry';
import type { Channel } from './adapters/channels/channel.ts';
import type { Notification, NotificationStore } from './adapters/notification-store.ts';
import { createAlarm } from './alarm.ts';
import { mergeMessages } from './domain/alert/merge.ts';
import { type Pace, type PacePolicy, paceOf } from './domain/delivery/pace.ts';
import { type Attempt, afterAttempt, type NextStep, type RetryPolicy } from './domain/delivery/schedule.ts';
import { fallbacksFor } from './domain/routing/route.ts';
import type { AlertingMetrics } from './metrics.ts';

/** What the dispatcher needs. */
export interface DispatcherDeps {
  db: DatabaseSync;
  notifications: NotificationStore;
  outbox: Outbox;
  channels: ReadonlyMap<string, Channel>;
  clock: Clock;
  origin: Origin;
  config: HoldfastConfig['alerts'];
  retry: RetryPolicy;
  pace: PacePolicy;
  /** In [0, 1). */
  random(): number;
  log: Logger;
  metrics: AlertingMetrics;
  /** What was sent could not be kept: the service cannot go on. */
  onFailure(error: unknown): void;
}

/** Sends what is queued: each channel in its own order and at its own pace, beside the others. */
export interface Dispatcher extends AsyncDisposable {
  /** Something was queued. */
  wake(): void;
}

const STOPPING_GRACE_MS = 1000;

const factsOf = ({ notification_id, alert_id, channel, channel_type, message }: Notification) => ({
  notification_id,
  alert_id,
  channel,
  channel_type,
  kind: message.kind,
});
const about = ({ alert_id, cause, message }: Notification) => ({
  subject: alert_id,
  cause,
  correlationid: message.correlation_id,
});

/** Each incident's own story ends with its own event, also where one message told many. */
function tellSent(
  deps: DispatcherDeps,
  tried: Notification,
  sent: Extract<NextStep, { step: 'sent' }>,
): void {
  const { provider_id, outcome } = sent;
  for (const carried of deps.notifications.carriedBy(tried)) {
    const { message, attempt } = tried;
    const data = { ...factsOf(carried), kind: message.kind, attempt, provider_id, outcome };
    deps.outbox.add([newEvent(deps.origin, 'NotificationSent', { ...about(carried), data })]);
  }
}

/** Tells of the failure, and gives the message to those who come next. */
function giveUp(deps: DispatcherDeps, tried: Notification, why: { code: string; reason: string }): void {
  const error = { code: why.code, message: why.reason };
  const now_ms = deps.clock.now_ms();
  const fallbacks = fallbacksFor(deps.config, tried.message, tried.channel);
  for (const carried of deps.notifications.carriedBy(tried)) {
    const data = { ...factsOf(carried), kind: tried.message.kind, attempt: tried.attempt, error };
    deps.outbox.add([newEvent(deps.origin, 'NotificationFailed', { ...about(carried), data })]);
    for (const channel of fallbacks) {
      const channel_type = deps.channels.get(channel)?.type ?? 'log';
      deps.notifications.add({ ...carried, notification_id: newId(now_ms), channel, channel_type }, now_ms);
    }
  }
}

function record(deps: DispatcherDeps, tried: Notification, next: NextStep): void {
  const at_ms = deps.clock.now_ms();
  transaction(deps.db, () => {
    if (next.step === 'retry')
      return deps.notifications.retryAt(tried.notification_id, next.at_ms, next.reason);
    const status = next.step === 'sent' ? next.outcome : 'failed';
    deps.notifications.settle(tried.notification_id, status, { at_ms, reason: next.reason });
    if (next.step === 'sent') tellSent(deps, tried, next);
    else giveUp(deps, tried, next);
  });
}

/** A channel answers whatever happens out there; what it throws is a defect of ours, and no reason to forget the message. */
async function attempt(deps: DispatcherDeps, channel: Channel, tried: Notification, signal: AbortSignal) {
  const { notification_id, message } = tried;
  try {
    return await channel.send(message, { notification_id, attempt: tried.attempt, signal });
  } catch (error) {
    deps.log.error({ err: error, notification_id, channel: channel.name }, 'a channel failed unexpectedly');
    const failed: Attempt = {
      outcome: 'failed',
      code: 'internal',
      reason: 'unexpected failure; the log has it',
    };
    return failed;
  }
}

async function deliver(
  deps: DispatcherDeps,
  channel: Channel,
  queued: Notification,
  signal: AbortSignal,
): Promise<NextStep> {
  deps.notifications.begin(queued.notification_id);
  const tried = { ...queued, attempt: queued.attempt + 1 };
  const { notification_id, alert_id, cause } = tried;
  const attributes = { 'holdfast.channel': channel.name, 'holdfast.alert_id': alert_id };
  const step = await inSpan('notify', { parent: cause.traceparent, attributes }, async (span) => {
    const began_ms = performance.now();
    const result = await attempt(deps, channel, tried, signal);
    const moment = { now_ms: deps.clock.now_ms(), random: deps.random() };
    const next = afterAttempt(deps.retry, tried.attempt, result, moment);
    record(deps, tried, next);
    span.setAttribute('holdfast.outcome', result.outcome);
    deps.metrics.notificationTried(channel.type, result.outcome, (performance.now() - began_ms) / 1000);
    if (next.step !== 'sent')
      deps.log.warn({ notification_id, channel: channel.name, next }, 'a notification was not delivered');
    return next;
  });
  deps.outbox.wake();
  return step;
}

function paceBefore(deps: DispatcherDeps, channel: Channel, now_ms: number): Pace {
  if (!channel.calls_people) return { at_ms: now_ms, merge: false };
  const sent_at_ms = deps.notifications.sentSince(channel.name, now_ms - deps.pace.window_ms);
  const waiting = deps.notifications.due(channel.name, now_ms).length;
  return paceOf(deps.pace, { sent_at_ms, waiting }, now_ms);
}

/** Puts what waits into one message where it is too much for many. */
function mergeWaiting(deps: DispatcherDeps, channel: Channel, next: Notification): Notification {
  const now_ms = deps.clock.now_ms();
  if (!paceBefore(deps, channel, now_ms).merge) return next;
  const riders = deps.notifications
    .due(channel.name, now_ms)
    .filter(({ notification_id }) => notification_id !== next.notification_id);
  const message = mergeMessages([next.message, ...riders.map((rider) => rider.message)]);
  transaction(deps.db, () => deps.notifications.merge(next, riders, message));
  return { ...next, message };
}

interface Lane {
  wake(): void;
  /** Resolves when the try under way, if any, has ended. */
  stop(): Promise<void>;
}

/** Sends the notifications of one channel, one after the other. */
function createLane(
  deps: DispatcherDeps,
  channel: Channel,
  lanes: { signal: AbortSignal; wake(): void },
): Lane {
  const { clock, notifications } = deps;
  let busy = false;
  let stopped = false;
  let free_at_ms = 0;
  let running = Promise.resolve();
  const alarm = createAlarm(clock, () => wake());
  const takeNext = (): Notification | null => {
    const now_ms = clock.now_ms();
    const next = notifications.next(channel.name, now_ms);
    const may_at_ms = next === null ? now_ms : Math.max(free_at_ms, paceBefore(deps, channel, now_ms).at_ms);
    if (next !== null && may_at_ms <= now_ms) return mergeWaiting(deps, channel, next);
    const due_at_ms = notifications.nextAt(channel.name);
    alarm.set(due_at_ms === null ? null : Math.max(due_at_ms, may_at_ms, free_at_ms));
    return null;
  };
  const run = async () => {
    try {
      for (let next = takeNext(); next !== null && !stopped; next = stopped ? null : takeNext()) {
        const { step } = await deliver(deps, channel, next, lanes.signal);
        free_at_ms = clock.now_ms() + channel.min_interval_ms;
        if (step === 'give_up') lanes.wake();
      }
    } catch (error) {
      deps.onFailure(error);
    } finally {
      busy = false;
    }
  };
  const wake = () => {
    if (busy || stopped) return;
    busy = true;
    running = run();
  };
  return {
    wake,
    stop: () => {
      stopped = true;
      alarm.set(null);
      return running;
    },
  };
}

/** The process died between the first byte and the record: it may have arrived, so it is not sent again. */
function settleInterrupted(deps: DispatcherDeps): void {
  const reason = 'the service stopped before the answer was recorded';
  for (const notification of deps.notifications.interrupted()) {
    record(deps, notification, { step: 'sent', outcome: 'unknown', provider_id: null, reason });
    const { notification_id, channel } = notification;
    deps.log.warn({ notification_id, channel }, 'it is not known whether a notification arrived');
  }
  deps.outbox.wake();
}

/** Starts sending, with what was left by the run before. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const stopping = new AbortController();
  settleInterrupted(deps);
  const wake = () => {
    for (const lane of lanes) lane.wake();
  };
  const { signal } = stopping;
  const lanes = [...deps.channels.values()].map((channel) => createLane(deps, channel, { signal, wake }));
  wake();
  return {
    wake,
    async [Symbol.asyncDispose]() {
      const grace = setTimeout(() => stopping.abort(), STOPPING_GRACE_MS);
      await Promise.all(lanes.map((lane) => lane.stop()));
      clearTimeout(grace);
    },
  };
}
