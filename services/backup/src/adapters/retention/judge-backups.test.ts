import { HoldfastConfig } from '@holdfast/contracts/config';
import { newEvent } from '@holdfast/event-store/new-event';
import { transaction } from '@holdfast/runtime/sqlite';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { policyOf } from '../../domain/retention/policy.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { createCatalogTable } from '../catalog/catalog-table.ts';
import { openBackupDatabase } from '../database.ts';
import { createCaseTable } from './case-table.ts';
import { judgeAndMark, judgeSource } from './judge-backups.ts';
import { createQuarantineTable } from './quarantine-table.ts';
import { createRetentionTable } from './retention-table.ts';

const HOUR = 3_600_000;
const COUNT = 1_300;
const clock = fakeClock(Date.parse('2026-07-15T12:30:00.000Z'));
const origin = { host: 'web1', service: 'backup', clock } as const;
const config = HoldfastConfig.parse({ host: 'web1', rotation: { hourly: { keep_count: 24 } } });

let db: ReturnType<typeof openBackupDatabase>;
let deps: SnapshotDeps;
/** Called before each transaction. */
let before: () => void;

beforeEach(() => {
  db = openBackupDatabase(':memory:');
  before = () => undefined;
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, tier)
     VALUES (?, ?, 'bmc', 'full', ?, 1, '{}', 'hot')`,
  );
  for (let age = 0; age < COUNT; age++) {
    // Two of each hour have one time: a page ends between them.
    const time_ms = clock.now_ms() - Math.floor(age / 2) * HOUR;
    insert.run(`b${age}`, `s${age}`, time_ms);
  }
  deps = {
    context: { clock },
    settings: { retention: policyOf(config, 'UTC') },
    state: {
      catalog: createCatalogTable(db),
      retention: createRetentionTable(db),
      cases: createCaseTable(db),
      quarantines: createQuarantineTable(db),
      write: (work: () => unknown) => {
        before();
        return transaction(db, work);
      },
    },
  } as unknown as SnapshotDeps;
});
afterEach(() => db.close());

const hold = (backup_id: string) => {
  const data = { backup_id, reason: 'audit', until: null };
  deps.state.catalog.apply(newEvent(origin, 'BackupHeld', { subject: backup_id, data }));
};
const going = () => deps.state.retention.going(COUNT, new Set()).map(({ backup_id }) => backup_id);
const mark = () =>
  judgeAndMark(deps, 'bmc', ({ backup }) =>
    deps.state.retention.markGoing(backup.backup_id, { reason: 'r', actor: 'a', correlationid: 'c' }),
  );

test('every backup of a source is judged once, page by page', async () => {
  const { verdicts } = await judgeSource(deps, 'bmc');
  expect(new Set(verdicts.map(({ backup }) => backup.backup_id)).size).toBe(COUNT);
  expect(verdicts).toHaveLength(COUNT);
  expect(verdicts.filter(({ stays }) => stays)).toHaveLength(24);
});

test('what is told while it is decided counts: nothing goes that a hold came for', async () => {
  let writes = 0;
  before = () => {
    if (writes++ === 2) hold('b900');
  };
  const verdicts = await mark();
  expect(going()).not.toContain('b900');
  expect(going()).toHaveLength(COUNT - 25);
  expect(verdicts).toHaveLength(COUNT);
  expect(verdicts.find(({ backup }) => backup.backup_id === 'b900')).toMatchObject({ reasons: ['held'] });
});

test('so does a loss that wants one', async () => {
  before = () => {
    before = () => undefined;
    const lost = {
      event_id: 'e',
      path: '/a',
      source: 'bmc',
      kind: 'deleted',
      wanted: 'x',
      bad: null,
    } as const;
    deps.state.cases.open({ ...lost, opened_ms: 1 }, 's900');
  };
  await mark();
  expect(going()).toEqual([]);
});
