import type { StoredEvent } from '@holdfast/event-store/event-store';
import type { CaseWorker } from '../case-worker.ts';
import type { RecoveryQueue } from '../recovery-queue.ts';

/** The absence of a file became allowed: its case is over. Doing it twice does no more. */
export function onFileRetired(
  deps: { queue: RecoveryQueue; worker: CaseWorker },
  { event }: StoredEvent<'FileRetired'>,
): void {
  const reason = `its absence was allowed (${event.data.reason})`;
  deps.worker.supersede(deps.queue.callOff(event.data.path), reason);
}
