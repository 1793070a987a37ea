import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { durableName, eventFilter } from '@holdfast/contracts/subjects';
import { firstTime } from '@holdfast/event-store/dedup';
import type { Consumer, StoredEvent } from '@holdfast/event-store/event-store';
import type { ConsumerDeps } from './deps.ts';
import { onFileChanged } from './on-file-changed.ts';
import { onLoss } from './on-loss.ts';
import { onLossClosed } from './on-loss-closed.ts';

const FILES = 'files';
const FILE_EVENTS: readonly EventType[] = [
  'FileRegistered',
  'FilesRegistered',
  'FileModified',
  'FileMoved',
  'FileRetired',
  'FileDeleted',
  'FileCorrupted',
  'FileRecovered',
  'RecoverySuperseded',
  'MassChangeDetected',
];
const OWN_EVENTS: readonly EventType[] = [
  'BackupCreated',
  'BackupVerified',
  'BackupVerificationFailed',
  'BackupDeleted',
  'BackupCopied',
  'BackupCopyRemoved',
  'BackupHeld',
  'BackupHoldReleased',
  'ScheduleModified',
  'MassChangeReleased',
];
const REPLAY_BATCH = 500;
const REPLAYED = 'replayed';

/**
 * Follows the files of this host in one durable consumer: a loss and its recovery must be seen in order. `onTaken` is
 * called after each batch is durable.
 */
export function subscribe(deps: ConsumerDeps, onTaken: () => void): Promise<Consumer> {
  const { context } = deps;
  return context.events.consume(
    {
      durable: durableName('backup', context.host, FILES),
      filters: FILE_EVENTS.map((type) => eventFilter(type, context.host)),
      kind: 'projection',
    },
    async (events) => {
      takeIn(deps, events);
      onTaken();
    },
  );
}

/** Fills a state that was lost, or is new, from the history: catalog, cases and changes. Once. */
export async function replayHistory(deps: ConsumerDeps): Promise<void> {
  const { state, context } = deps;
  if (state.marks.has(REPLAYED)) return;
  const filters = [...FILE_EVENTS, ...OWN_EVENTS].map((type) => eventFilter(type, context.host));
  let batch: StoredEvent[] = [];
  for await (const stored of context.events.read(1, filters)) {
    batch.push(stored);
    if (batch.length < REPLAY_BATCH) continue;
    takeIn(deps, batch);
    batch = [];
  }
  takeIn(deps, batch);
  state.write(() => state.marks.set(REPLAYED));
}

function takeIn(deps: ConsumerDeps, events: readonly StoredEvent[]): void {
  const { state } = deps;
  state.write(() => {
    for (const { event } of events) if (firstTime(state.db, FILES, event.id)) apply(deps, event);
  });
}

function apply(deps: ConsumerDeps, event: HoldfastEvent): void {
  deps.state.catalog.apply(event);
  deps.state.copies.apply(event);
  deps.state.schedules.apply(event);
  deps.state.quarantines.apply(event);
  onFileChanged(deps, event);
  onLoss(deps, event);
  onLossClosed(deps, event);
}
