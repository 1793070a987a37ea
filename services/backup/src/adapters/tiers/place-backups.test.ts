import { HoldfastConfig } from '@holdfast/contracts/config';
import { newEvent } from '@holdfast/event-store/new-event';
import { transaction } from '@holdfast/runtime/sqlite';
import { fakeClock } from '@holdfast/testkit/fake-clock';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { policyOf } from '../../domain/retention/policy.ts';
import { tierPolicyOf } from '../../domain/tiers/policy.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { createCatalogTable } from '../catalog/catalog-table.ts';
import { openBackupDatabase } from '../database.ts';
import { createCaseTable } from '../retention/case-table.ts';
import { createQuarantineTable } from '../retention/quarantine-table.ts';
import { createRetentionTable } from '../retention/retention-table.ts';
import { createCopyTable } from './copy-table.ts';
import { placeBackups } from './place-backups.ts';

const HOUR = 3_600_000;
const COUNT = 1_300;
const clock = fakeClock(Date.parse('2026-07-15T12:30:00.000Z'));
const origin = { host: 'web1', service: 'backup', clock } as const;
const config = HoldfastConfig.parse({
  host: 'web1',
  storage: { tiers: { hot: { retention_days: 1 }, warm: {} } },
});

let db: ReturnType<typeof openBackupDatabase>;
let deps: SnapshotDeps;
/** Called before each transaction. */
let before: () => void;

beforeEach(() => {
  db = openBackupDatabase(':memory:');
  before = () => undefined;
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, tier)
     VALUES (?, ?, 'bmc', 'full', ?, 1, '{}', 'hot,warm')`,
  );
  const copy = db.prepare(
    'INSERT INTO copies (backup_id, tier, snapshot_id, verified_ms) VALUES (?, ?, ?, ?)',
  );
  for (let age = 0; age < COUNT; age++) {
    insert.run(`b${age}`, `s${age}`, clock.now_ms() - age * HOUR);
    copy.run(`b${age}`, 'hot', `s${age}`, null);
    copy.run(`b${age}`, 'warm', `w${age}`, 1);
  }
  const retention = policyOf(config, 'UTC');
  const places = Object.entries(config.storage.tiers).map(([name, tier]) => ({ name, config: tier }));
  deps = {
    context: { clock },
    settings: { retention, tier_policy: tierPolicyOf(places, config, retention) },
    state: {
      catalog: createCatalogTable(db),
      copies: createCopyTable(db, ['hot', 'warm']),
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

const going = () => deps.state.copies.going().map(({ backup_id, tier }) => `${backup_id} ${tier}`);
/** What is in its first day stays in hot, and there in warm too: it was moved once, and does not come back. */
const DROPS = COUNT - 1;

test('every backup of a source is placed once, page by page', async () => {
  const all = await placeBackups(deps);
  expect(new Set(all.map(({ backup }) => backup.backup_id)).size).toBe(COUNT);
  expect(all).toHaveLength(COUNT);
  expect(all.filter(({ step }) => step.do === 'drop')).toHaveLength(DROPS);
  expect(all[0]?.reasons).toEqual(['newest_good']);
  expect(going()).toEqual([]);
});

test('copies that are to be dropped are marked, and each is told once', async () => {
  const placements = await placeBackups(deps, { marks: true });
  expect(going()).toHaveLength(DROPS);
  expect(going()).not.toContain('b0 hot');
  expect(placements).toHaveLength(COUNT);
});

test('nothing is dropped that a hold came for while it was decided', async () => {
  let writes = 0;
  before = () => {
    if (writes++ !== 2) return;
    const data = { backup_id: 'b900', reason: 'audit', until: null };
    deps.state.catalog.apply(newEvent(origin, 'BackupHeld', { subject: 'b900', data }));
  };
  const placements = await placeBackups(deps, { marks: true });
  expect(going()).toHaveLength(DROPS - 1);
  expect(going()).not.toContain('b900 hot');
  expect(placements).toHaveLength(COUNT);
});

test.each([
  ['is damaged', () => deps.state.copies.markBad('b900', 'warm')],
  ['is on its way out', () => deps.state.copies.markGoing({ backup_id: 'b900', tier: 'warm' }, 'r')],
  ['is gone', () => deps.state.copies.remove('b900', 'warm')],
])('nor what has no other copy by then: it %s', async (_what, happens) => {
  before = () => {
    before = () => undefined;
    happens();
  };
  await placeBackups(deps, { marks: true });
  expect(going()).not.toContain('b900 hot');
});
