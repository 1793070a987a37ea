import type { DatabaseSync } from 'node:sqlite';
import { createOutbox, type Outbox } from '@holdfast/event-store/outbox';
import type { Repository } from '@holdfast/repository/api';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { createCaseStore } from './adapters/case-store.ts';
import { openRecoveryDatabase } from './adapters/database.ts';
import { createDisk, type DiskOptions } from './adapters/disk.ts';
import { Folders } from './adapters/folders.ts';
import { createOpenWriters } from './adapters/open-writers.ts';
import type { PutBackOptions } from './adapters/put-back.ts';
import { createVersionFinder } from './adapters/version-finder.ts';
import { createCaseWorker } from './case-worker.ts';
import { type RecoverySettings, urgencyOf } from './config.ts';
import type { ConsumerDeps } from './consumers/subscribe.ts';
import type { RouteDeps } from './http/deps.ts';
import { latestBackup } from './latest-backup.ts';
import { createMetrics } from './metrics.ts';
import { RecoveryQueue } from './recovery-queue.ts';

export interface RecoveryInputs {
  readonly context: ServiceContext;
  readonly settings: RecoverySettings;
  readonly repository: Repository;
  readonly disk: DiskOptions;
}

/** The parts of this service, joined. Disposing drains the queue, then the outbox, then closes the database. */
export interface RecoveryParts extends ConsumerDeps, RouteDeps, AsyncDisposable {
  readonly outbox: Outbox;
  readonly db: DatabaseSync;
}

/** Builds it; nothing runs yet. */
export async function buildRecovery(inputs: RecoveryInputs): Promise<RecoveryParts> {
  const { context, settings, repository } = inputs;
  const { log, origin, host, clock } = context;
  await using building = new AsyncDisposableStack();
  const db = building.adopt(openRecoveryDatabase(settings.database_file), (opened) => opened.close());
  const outbox = building.use(createOutbox({ db, store: context.events, log }));
  const store = createCaseStore(db);
  const finder = createVersionFinder(repository, host);
  await finder.refresh();
  const metrics = createMetrics(context.registry, { openCases: () => store.openCount() });
  const endings = createEndings();
  const onEnded = (recovery_id: string) => {
    if (store.openIn(recovery_id) === 0) endings.ended(recovery_id);
  };
  const strategy = latestBackup({
    ...{ repository, finder, settings, clock },
    put_back: putBackOptions(inputs),
    badChecksums: store.badChecksums,
    isCalledOff: (case_id) => queue.isCalledOff(case_id),
  });
  const strategies = new Map([['latest_backup', strategy]] as const);
  const worker = createCaseWorker({ db, store, outbox, origin, strategies, metrics, log, onEnded });
  const queue = building.use(
    new RecoveryQueue({
      clock,
      work: worker.work,
      urgency: ({ state }) => urgencyOf(settings, state.source),
    }),
  );
  const parts = { context, settings, repository, finder, db, store, outbox, origin, metrics, worker, queue };
  const built = building.move();
  return { ...parts, ended: endings.wait, [Symbol.asyncDispose]: () => built.disposeAsync() };
}

function putBackOptions({ context, settings, disk: options }: RecoveryInputs): PutBackOptions {
  const disk = createDisk(options);
  const folders = new Folders(disk, (path, error) =>
    context.log.warn({ err: error, path }, 'the times of a folder could not be set'),
  );
  const quarantine = { disk, folder: settings.quarantine_dir, writers: createOpenWriters() };
  return { disk, folders, quarantine };
}

/** Lets requests wait for the end of their recovery. */
function createEndings() {
  const waiting = new Map<string, () => void>();
  return {
    wait: (recovery_id: string) => new Promise<void>((resolve) => waiting.set(recovery_id, resolve)),
    ended(recovery_id: string) {
      waiting.get(recovery_id)?.();
      waiting.delete(recovery_id);
    },
  };
}
