import type { DatabaseSync } from 'node:sqlite';
import type { EventType, HoldfastEvent } from '@holdfast/contracts/catalog';
import { type NewEvent, newEvent } from '@holdfast/event-store/new-event';
import { createOutbox, type Outbox } from '@holdfast/event-store/outbox';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { transaction } from '@holdfast/runtime/sqlite';
import type { BackupSettings } from '../config.ts';
import { createRunTable, type RunTable } from './backup-run/run-table.ts';
import { type CatalogList, createCatalogList } from './catalog/catalog-list.ts';
import { type CatalogTable, createCatalogTable } from './catalog/catalog-table.ts';
import { createFigureTable, type FigureTable } from './catalog/figure-table.ts';
import { type ChangeTable, createChangeTable } from './changes/change-table.ts';
import { createWalkTable, type WalkTable } from './changes/walk-table.ts';
import { openBackupDatabase } from './database.ts';
import { createOwedHooksTable, type OwedHooksTable } from './hooks/owed-hooks-table.ts';
import { createMarkTable, type MarkTable } from './mark-table.ts';
import { createFrozenTable, type FrozenTable } from './moments/frozen-table.ts';
import { type CaseTable, createCaseTable } from './retention/case-table.ts';
import { createQuarantineTable, type QuarantineTable } from './retention/quarantine-table.ts';
import { createRetentionTable, type RetentionTable } from './retention/retention-table.ts';
import { createScheduleTable, type ScheduleTable } from './schedule/schedule-table.ts';
import { type CopyTable, createCopyTable } from './tiers/copy-table.ts';
import { createTierTable, type TierTable } from './tiers/tier-table.ts';
import { createVerifyTable, type VerifyTable } from './verification/verify-table.ts';

/** What this service knows, in one SQLite file with a single writer. */
export interface BackupState extends AsyncDisposable {
  readonly db: DatabaseSync;
  readonly runs: RunTable;
  readonly changes: ChangeTable;
  readonly cases: CaseTable;
  readonly catalog: CatalogTable;
  readonly copies: CopyTable;
  readonly tiers: TierTable;
  readonly list: CatalogList;
  readonly figures: FigureTable;
  readonly retention: RetentionTable;
  readonly schedules: ScheduleTable;
  readonly walks: WalkTable;
  readonly marks: MarkTable;
  readonly verify: VerifyTable;
  readonly frozen: FrozenTable;
  readonly owed_hooks: OwedHooksTable;
  readonly quarantines: QuarantineTable;
  readonly outbox: Outbox;
  /** One transaction: the change and the events that tell of it, both or none; the events go out after it. */
  write<Result>(work: () => Result): Result;
  /** Inside `write`: tells an event, and folds it into catalog and schedules. */
  tell<Type extends EventType>(type: Type, fields: NewEvent<Type>): HoldfastEvent<Type>;
}

/** Opens the database, and creates it where there is none. */
export function openState(
  context: ServiceContext,
  { database_file, places }: Pick<BackupSettings, 'database_file' | 'places'>,
): BackupState {
  const db = openBackupDatabase(database_file);
  const outbox = createOutbox({ db, store: context.events, log: context.log });
  const catalog = createCatalogTable(db);
  const copies = createCopyTable(
    db,
    places.map(({ name }) => name),
  );
  const schedules = createScheduleTable(db);
  const quarantines = createQuarantineTable(db);
  return {
    db,
    runs: createRunTable(db),
    changes: createChangeTable(db),
    cases: createCaseTable(db),
    walks: createWalkTable(db),
    marks: createMarkTable(db),
    verify: createVerifyTable(db),
    frozen: createFrozenTable(db),
    owed_hooks: createOwedHooksTable(db),
    quarantines,
    catalog,
    copies,
    tiers: createTierTable(db),
    list: createCatalogList(db),
    figures: createFigureTable(db),
    retention: createRetentionTable(db),
    schedules,
    outbox,
    write: (work) => {
      const result = transaction(db, work);
      outbox.wake();
      return result;
    },
    tell: (type, fields) => {
      const event = newEvent(context.origin, type, fields);
      outbox.add([event]);
      catalog.apply(event);
      copies.apply(event);
      schedules.apply(event);
      quarantines.apply(event);
      return event;
    },
    async [Symbol.asyncDispose]() {
      await outbox[Symbol.asyncDispose]();
      db.close();
    },
  };
}
