import { durableName, eventFilter } from '@holdfast/contracts/subjects';
import type { Consumer, EventStore } from '@holdfast/event-store/event-store';
import type { AlertKeeper } from '../alert-keeper.ts';
import { OBSERVED_TYPES } from '../domain/rule/observe.ts';

/**
 * Reads, of all hosts, what alerting has a rule for. A reactor: an event that keeps failing is parked, and alerts of
 * its own kind say so, rather than that all alerts stop behind it.
 */
export function consumeEvents(events: EventStore, host: string, keeper: AlertKeeper): Promise<Consumer> {
  const filters = OBSERVED_TYPES.map((type) => eventFilter(type));
  return events.consume(
    { durable: durableName('alerting', host, 'on-event'), filters, kind: 'reactor' },
    async (batch) => keeper.take(batch.map(({ event }) => event)),
  );
}
