import { monitorEventLoopDelay } from 'node:perf_hooks';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { systemClock } from '@holdfast/runtime/clock';
import { transaction } from '@holdfast/runtime/sqlite';
import type { SnapshotDeps } from '../services/backup/src/adapters/backup-run/make-snapshot.ts';
import { createCatalogTable } from '../services/backup/src/adapters/catalog/catalog-table.ts';
import { openBackupDatabase } from '../services/backup/src/adapters/database.ts';
import { createCaseTable } from '../services/backup/src/adapters/retention/case-table.ts';
import { judgeSource } from '../services/backup/src/adapters/retention/judge-backups.ts';
import { createQuarantineTable } from '../services/backup/src/adapters/retention/quarantine-table.ts';
import { createRetentionTable } from '../services/backup/src/adapters/retention/retention-table.ts';
import { createCopyTable } from '../services/backup/src/adapters/tiers/copy-table.ts';
import { placeBackups } from '../services/backup/src/adapters/tiers/place-backups.ts';
import { policyOf } from '../services/backup/src/domain/retention/policy.ts';
import type { TierPolicy } from '../services/backup/src/domain/tiers/state.ts';
import { cleanupText } from '../services/backup/src/http/clean-up.ts';

const COUNT = 100_000;
const EVERY_MS = 600_000;
const DAY_MS = 86_400_000;
const rotation = {
  hourly: { keep_count: 24, backup_type: 'incremental' },
  daily: { keep_count: 7, backup_type: 'full' },
  weekly: { keep_count: 4, backup_type: 'full', day: 'sunday' },
  monthly: { keep_count: 12, backup_type: 'full', day: 1 },
  yearly: { keep_count: 5, backup_type: 'snapshot' },
} as const;

/** Decisions on 100,000 backups of one source: how long it takes, and how long others wait for an answer meanwhile. */
export async function run() {
  using db = openBackupDatabase(':memory:');
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, reason, tier)
     VALUES (?, ?, 'bmc', 'full', ?, 1, '{}', ?, 'hot')`,
  );
  const now_ms = Date.now();
  const copy = db.prepare("INSERT INTO copies (backup_id, tier, snapshot_id) VALUES (?, 'hot', ?)");
  transaction(db, () => {
    for (let number = 0; number < COUNT; number++) {
      const id = `b${String(number).padStart(6, '0')}`;
      insert.run(id, id, now_ms - number * EVERY_MS, number % 2 === 0 ? 'schedule' : 'on_change');
      copy.run(id, id);
    }
  });
  const config = HoldfastConfig.parse({ host: 'web1', rotation });
  const retention = policyOf(config, 'America/Montevideo');
  const tier_policy: TierPolicy = {
    tiers: [
      { name: 'hot', takes: null, retention_ms: 7 * DAY_MS },
      { name: 'warm', takes: new Set(['daily', 'weekly']), retention_ms: 90 * DAY_MS },
      { name: 'cold', takes: new Set(['monthly', 'yearly']), retention_ms: null },
    ],
    archive_after_ms: 365 * DAY_MS,
    archive_tier: 'cold',
    retention,
  };
  const deps = {
    context: { clock: systemClock },
    settings: { retention, tier_policy },
    state: {
      catalog: createCatalogTable(db),
      retention: createRetentionTable(db),
      cases: createCaseTable(db),
      quarantines: createQuarantineTable(db),
      copies: createCopyTable(db, ['hot', 'warm', 'cold']),
    },
  } as unknown as SnapshotDeps;
  const { verdicts } = await judgeSource(deps, 'bmc');
  return [
    ...(await measured(`verdicts on ${COUNT} backups`, () => judgeSource(deps, 'bmc'))),
    ...(await measured(`${COUNT} verdicts as a reply`, () => cleanupText(true, verdicts))),
    ...(await measured(`places of ${COUNT} backups in three tiers`, () => placeBackups(deps))),
  ];
}

/** How long it takes, and the longest that the event loop does nothing else. */
async function measured(measure: string, work: () => Promise<unknown>) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await work();
  const total_ms = performance.now() - start;
  delay.disable();
  return [
    { measure, value: total_ms, unit: 'ms' },
    { measure: '  longest time that nobody is answered', value: delay.max / 1e6, unit: 'ms', limit: 20 },
  ];
}
