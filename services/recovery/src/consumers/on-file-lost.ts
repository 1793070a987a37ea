import { firstTime } from '@holdfast/event-store/dedup';
import type { StoredEvent } from '@holdfast/event-store/event-store';
import { transaction } from '@holdfast/runtime/sqlite';
import type { LossEvent } from '../domain/loss-case/decide.ts';
import { type OpeningDeps, openLosses } from '../open-recovery.ts';
import type { RecoveryQueue } from '../recovery-queue.ts';

const CONSUMER = 'on-file-lost';

/** The losses of one pull become one batch for each incident. They are acknowledged when their cases are durable. */
export function onFileLost(
  deps: OpeningDeps & { queue: RecoveryQueue },
  events: readonly StoredEvent<LossEvent['type']>[],
): void {
  const tasks = transaction(deps.db, () => {
    const fresh = events.filter(({ event }) => firstTime(deps.db, CONSUMER, event.id));
    return openLosses(deps, fresh);
  });
  // First the file, then the news.
  deps.queue.add(tasks);
  deps.outbox.wake();
}
