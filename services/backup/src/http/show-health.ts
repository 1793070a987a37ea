import { BackupHealth } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import type { ProtectedSource } from '../config.ts';
import type { RouteDeps } from './deps.ts';
import { tierStatuses } from './tier-status.ts';

const PINS_MAX = 100;
type SourceHealth = BackupHealth['sources'][number];

/** `GET /api/backup/health`: how current each source is, what fails, which losses are open. */
export function showHealth(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'How current the backups are',
    response: { 200: BackupHealth },
  };
  app.get('/api/backup/health', { config: { role: 'viewer' }, schema }, async () => {
    const files = deps.settings.sources.map((source) => sourceHealth(deps, source));
    const tiers = tierStatuses(deps);
    const ok =
      files.every(({ status }) => status === 'ok' || status === 'pending_first') &&
      tiers.every(({ status, level }) => status !== 'unavailable' && level !== 'critical');
    const { cases, outbox } = deps.state;
    return {
      status: ok ? ('ok' as const) : ('degraded' as const),
      sources: [...files, ...others(deps)],
      open_cases: cases.paths().size,
      pins: cases.list(PINS_MAX).map(({ path, pin }) => ({
        path,
        snapshot_id: pin?.snapshot_id ?? null,
        exact: pin?.exact ?? null,
      })),
      events_to_publish: outbox.pending(),
      tiers,
    };
  });
}

function sourceHealth(deps: RouteDeps, source: ProtectedSource): SourceHealth {
  const { state } = deps;
  const newest = state.catalog.newest(source.name);
  const failing = state.runs.open(source.name).find(({ error }) => error !== null);
  const trouble = deps.databases.trouble(source.name) ?? deps.volumes.trouble(source.name);
  const next_ms = nextBackup(deps, source);
  return {
    source: source.name,
    status: statusOf(newest !== undefined, failing !== undefined || trouble !== null),
    detail: failing?.error?.message ?? trouble,
    priority: source.config.priority,
    backup_frequency: source.config.backup_frequency,
    last_backup_id: newest?.backup_id ?? null,
    last_backup_at: newest?.timestamp ?? null,
    next_backup_at: next_ms === null ? null : timestamp(next_ms),
    pending_changes: state.changes.count(source.name),
  };
}

/** Of its own, or by a schedule. */
function nextBackup({ state, runner, scheduler, context }: RouteDeps, source: ProtectedSource) {
  const own = runner.next(source);
  const scheduled = state.schedules
    .list()
    .filter((schedule) => scheduler.sourcesOf(schedule).includes(source))
    .map((schedule) => scheduler.next(schedule));
  const times = [own?.at_ms, ...scheduled].filter((at_ms) => typeof at_ms === 'number');
  return times.length === 0 ? null : Math.max(Math.min(...times), context.clock.now_ms());
}

function statusOf(has_backup: boolean, is_failing: boolean): SourceHealth['status'] {
  if (is_failing) return 'failing';
  return has_backup ? 'ok' : 'pending_first';
}

/** Sources that nothing can be read of, each with its reason: nowhere a failure. */
function others({ settings }: RouteDeps): SourceHealth[] {
  return settings.unreadable.map(({ name, config, reason }) => ({
    source: name,
    status: 'unsupported' as const,
    detail: reason,
    priority: config.priority,
    backup_frequency: config.backup_frequency,
    last_backup_id: null,
    last_backup_at: null,
    next_backup_at: null,
    pending_changes: 0,
  }));
}
