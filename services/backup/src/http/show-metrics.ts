import {
  BackupMetricsQuery,
  BackupMetricsView,
  type SourceMetrics,
} from '@holdfast/contracts/http/backup-metrics';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import { HOT } from '@holdfast/runtime/repository-place';
import { storageUsage } from '../adapters/storage/storage-usage.ts';
import type { ProtectedSource } from '../config.ts';
import { sinceOf } from '../domain/catalog/query.ts';
import { type MadeFigures, rateOf, riskOf, sumOf, typesOf } from '../domain/figures/summarise.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/backup/metrics`: how reliable the backups are, what they take, and what would be lost now. */
export function showMetrics(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Figures of the backups: success, RPO, durations, sizes',
    querystring: BackupMetricsQuery,
    response: { 200: BackupMetricsView },
  };
  app.get('/api/backup/metrics', { config: { role: 'viewer' }, schema }, async ({ query }) => {
    const until_ms = deps.context.clock.now_ms();
    const period = { since_ms: sinceOf(query.filter, until_ms), until_ms: until_ms + 1 };
    const { figures } = deps.state;
    const made = await figures.made(period);
    const failed = figures.failed(period);
    const sources = deps.settings.sources.map((source) =>
      sourceMetrics(deps, source, {
        created: createdOf(made, source.name),
        failed: failed.get(source.name) ?? 0,
        now_ms: until_ms,
      }),
    );
    const kept = sources.filter(({ rpo_met }) => rpo_met === true).length;
    const missed = sources.filter(({ rpo_met }) => rpo_met === false).length;
    const { read, restored, damaged } = await figures.verified(period);
    return {
      since: timestamp(period.since_ms),
      until: timestamp(until_ms),
      ...outcome(
        sumOf(made, 'created'),
        failed.values().reduce((sum, count) => sum + count, 0),
      ),
      rpo_compliance: rateOf(kept, missed),
      sources,
      types: typesOf(made),
      verifications: { backups_read: read, backups_restored: restored, backups_damaged: damaged },
      storage: await storageMetrics(deps),
    };
  });
}

function outcome(created: number, failed: number) {
  return { created, failed, success_rate: rateOf(created, failed) };
}

function createdOf(made: readonly MadeFigures[], name: string): number {
  return sumOf(
    made.filter(({ source }) => source === name),
    'created',
  );
}

interface Counted {
  readonly created: number;
  readonly failed: number;
  readonly now_ms: number;
}

function sourceMetrics(deps: RouteDeps, source: ProtectedSource, counted: Counted): SourceMetrics {
  const { state } = deps;
  const { name, plan } = source;
  const { created, failed, now_ms } = counted;
  const newest = state.catalog.newest(name);
  const good_ms = state.figures.newestGood(name);
  const is_followed = deps.databases.trouble(name) === null;
  const exposure = {
    on_change: plan.on_change && is_followed,
    walked_ms: state.walks.last(name),
    changed_ms: state.changes.oldest(name),
  };
  return {
    source: name,
    ...outcome(created, failed),
    last_backup_id: newest?.backup_id ?? null,
    last_backup_at: newest?.timestamp ?? null,
    newest_good_at: good_ms === null ? null : timestamp(good_ms),
    newest_good_age_seconds: good_ms === null ? null : Math.max(0, now_ms - good_ms) / 1_000,
    last_size_bytes: newest?.sources.reduce((sum, part) => sum + part.total_size_bytes, 0) ?? null,
    ...riskOf(exposure, rpoOf(deps, source), now_ms),
  };
}

/** Of the source, or of one of its collections: the strictest counts. */
function rpoOf({ context }: RouteDeps, { name, config }: ProtectedSource): number | null {
  const { rpo = {} } = context.config;
  const asked = [name, ...config.mongodb_collections].flatMap((one) => rpo[one] ?? []);
  return asked.length === 0 ? null : Math.min(...asked);
}

async function storageMetrics({
  state,
  repository,
  space,
}: RouteDeps): Promise<BackupMetricsView['storage']> {
  const { bytes_stored, free_bytes } = await storageUsage(repository.location);
  const bytes_protected = await state.figures.protectedBytes();
  const has_ratio = bytes_stored !== null && bytes_stored > 0;
  return {
    backups: state.catalog.totals().backups,
    bytes_protected,
    bytes_stored,
    dedup_ratio: has_ratio ? bytes_protected / bytes_stored : null,
    used_percent: space.latest(HOT)?.used_percent ?? null,
    free_bytes,
  };
}
