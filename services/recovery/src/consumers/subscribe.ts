import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { durableName, eventFilter } from '@holdfast/contracts/subjects';
import type { Consumer, StoredEvent } from '@holdfast/event-store/event-store';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import type { VersionFinder } from '../adapters/version-finder.ts';
import type { CaseWorker } from '../case-worker.ts';
import type { OpeningDeps } from '../open-recovery.ts';
import type { RecoveryQueue } from '../recovery-queue.ts';
import { onBackupCreated } from './on-backup-created.ts';
import { onFileLost } from './on-file-lost.ts';
import { onFileRetired } from './on-file-retired.ts';

export interface ConsumerDeps extends OpeningDeps {
  readonly context: ServiceContext;
  readonly queue: RecoveryQueue;
  readonly worker: CaseWorker;
  readonly finder: VersionFinder;
}

const LOSSES: readonly EventType[] = ['FileDeleted', 'FileCorrupted', 'FileRetired'];
// As many as the monitor can publish at once: they are one batch.
const BATCH_MAX = 1000;

/** Follows the losses of this host, and its backups. */
export async function subscribe(deps: ConsumerDeps): Promise<Consumer[]> {
  const { events, host } = deps.context;
  const filters = LOSSES.map((type) => eventFilter(type, host));
  const losses = await events.consume(
    { durable: durableName('recovery', host, 'losses'), filters, kind: 'reactor', batch: BATCH_MAX },
    async (batch) => takeIn(deps, batch),
  );
  const backups = await events.consume(
    {
      durable: durableName('recovery', host, 'backups'),
      filters: [eventFilter('BackupCreated', host)],
      kind: 'reactor',
    },
    async (batch) => {
      for (const stored of batch) if (is(stored, 'BackupCreated')) await onBackupCreated(deps, stored);
    },
  );
  return [losses, backups];
}

/** In stream order: what was retired after its loss is called off, what is lost after that is a new case. */
function takeIn(deps: ConsumerDeps, events: readonly StoredEvent[]): void {
  let losses: Parameters<typeof onFileLost>[1][number][] = [];
  const flush = () => {
    if (losses.length > 0) onFileLost(deps, losses);
    losses = [];
  };
  for (const stored of events) {
    if (is(stored, 'FileDeleted') || is(stored, 'FileCorrupted')) losses.push(stored);
    if (!is(stored, 'FileRetired')) continue;
    flush();
    onFileRetired(deps, stored);
  }
  flush();
}

function is<Type extends EventType>(stored: StoredEvent, type: Type): stored is StoredEvent<Type> {
  return (stored.event as HoldfastEvent).type === type;
}
