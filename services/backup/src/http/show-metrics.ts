import { setImmediate } from 'node:timers/promises';
import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { BackupMetricsReply } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import { storageUsage } from '../adapters/storage/storage-usage.ts';
import { figuresOf } from '../domain/catalog/figures.ts';
import type { RouteDeps } from './deps.ts';

const WINDOW_MS = 7 * 24 * 3_600_000;
/** Of more, the newest count. */
const BACKUPS_MAX = 2_000;
const FAILURES_MAX = 1_000;
const PAGE = 250;

/** `GET /api/backup/metrics`: how backups went in the last days, all and by source, and what they take. */
export function showMetrics(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'How backups went in the last seven days',
    response: { 200: BackupMetricsReply },
  };
  app.get('/api/backup/metrics', { config: { role: 'viewer' }, schema }, async () => {
    const { state, repository, context, settings } = deps;
    const now_ms = context.clock.now_ms();
    const since_ms = now_ms - WINDOW_MS;
    const made = await newest(deps, since_ms);
    const failed = state.runs
      .failures(FAILURES_MAX)
      .filter(({ status, finished_ms }) => status === 'failed' && (finished_ms ?? 0) >= since_ms);
    const { bytes_stored: repository_bytes, free_bytes } = await storageUsage(repository.location);
    return {
      since: timestamp(since_ms),
      backups: state.catalog.totals().backups,
      repository_bytes,
      free_bytes,
      ...figuresOf(made, failed.length),
      sources: settings.sources.map(({ name }) => ({
        source: name,
        ...ageOf(state.catalog.newest(name), now_ms),
        ...figuresOf(
          made.filter(({ sources }) => sources.some(({ source }) => source === name)),
          failed.filter(({ source }) => source === name).length,
        ),
      })),
    };
  });
}

/** Page by page: others are answered meanwhile. */
async function newest({ state }: RouteDeps, since_ms: number): Promise<BackupManifest[]> {
  const made: BackupManifest[] = [];
  for (let from: { value: number; backup_id: string } | undefined; made.length < BACKUPS_MAX; ) {
    const page = state.list.page({ sort: 'timestamp_desc', since_ms, from }, PAGE);
    made.push(...page.map(({ manifest }) => manifest));
    from = page.at(-1)?.place;
    if (page.length < PAGE) break;
    await setImmediate();
  }
  return made;
}

function ageOf(newest_one: BackupManifest | undefined, now_ms: number) {
  if (newest_one === undefined) return { last_backup_at: null, age_seconds: null };
  const age_ms = Math.max(0, now_ms - Date.parse(newest_one.timestamp));
  return { last_backup_at: newest_one.timestamp, age_seconds: Math.round(age_ms / 1000) };
}
