import { monitorEventLoopDelay } from 'node:perf_hooks';
import { HoldfastConfig } from '@holdfast/contracts/config';
import { systemClock } from '@holdfast/runtime/clock';
import { transaction } from '@holdfast/runtime/sqlite';
import type { SnapshotDeps } from '../services/backup/src/adapters/backup-run/make-snapshot.ts';
import { createCatalogTable } from '../services/backup/src/adapters/catalog/catalog-table.ts';
import { openBackupDatabase } from '../services/backup/src/adapters/database.ts';
import { createCaseTable } from '../services/backup/src/adapters/retention/case-table.ts';
import { judgeSource } from '../services/backup/src/adapters/retention/judge-backups.ts';
import { createRetentionTable } from '../services/backup/src/adapters/retention/retention-table.ts';
import { policyOf } from '../services/backup/src/domain/retention/policy.ts';

const COUNT = 100_000;
const EVERY_MS = 600_000;
const rotation = {
  hourly: { keep_count: 24, backup_type: 'incremental' },
  daily: { keep_count: 7, backup_type: 'full' },
  weekly: { keep_count: 4, backup_type: 'full', day: 'sunday' },
  monthly: { keep_count: 12, backup_type: 'full', day: 1 },
  yearly: { keep_count: 5, backup_type: 'snapshot' },
} as const;

/** A decision on 100,000 backups of one source: how long it takes, and how long others wait for an answer meanwhile. */
export async function run() {
  using db = openBackupDatabase(':memory:');
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, reason, tier)
     VALUES (?, ?, 'bmc', 'full', ?, 1, '{}', ?, 'hot')`,
  );
  const now_ms = Date.now();
  transaction(db, () => {
    for (let number = 0; number < COUNT; number++) {
      const id = `b${String(number).padStart(6, '0')}`;
      insert.run(id, id, now_ms - number * EVERY_MS, number % 2 === 0 ? 'schedule' : 'on_change');
    }
  });
  const config = HoldfastConfig.parse({ host: 'web1', rotation });
  const deps = {
    context: { clock: systemClock },
    settings: { retention: policyOf(config, 'America/Montevideo') },
    state: {
      catalog: createCatalogTable(db),
      retention: createRetentionTable(db),
      cases: createCaseTable(db),
    },
  } as unknown as SnapshotDeps;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await judgeSource(deps, 'bmc');
  const total_ms = performance.now() - start;
  delay.disable();
  const longest_ms = delay.max / 1e6;
  return [
    { measure: `verdicts on ${COUNT} backups`, value: total_ms, unit: 'ms' },
    { measure: '  longest time that nobody is answered', value: longest_ms, unit: 'ms', limit: 20 },
  ];
}
