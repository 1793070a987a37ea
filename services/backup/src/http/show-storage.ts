import { BackupStorage, type TierStatus, type TierStorage } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { HOT } from '@holdfast/runtime/repository-place';
import { storageUsage } from '../adapters/storage/storage-usage.ts';
import type { RouteDeps } from './deps.ts';
import { tierStatuses } from './tier-status.ts';

/** `GET /api/backup/storage`: what the backups take, and what is left, measured now. */
export function showStorage(app: HttpServer, deps: RouteDeps): void {
  const { state, repository } = deps;
  const schema = { tags: ['backup'], summary: 'What the backups take', response: { 200: BackupStorage } };
  app.get('/api/backup/storage', { config: { role: 'viewer' }, schema }, async () => {
    const { backups, newest_ms } = state.catalog.totals();
    const tiers = await Promise.all(tierStatuses(deps).map((status) => tierStorage(deps, status)));
    return {
      location: repository.location,
      repository_id: repository.id,
      backups,
      newest_backup_at: newest_ms === null ? null : new Date(newest_ms).toISOString(),
      ...(await storageUsage(repository.location)),
      tiers,
    };
  });
}

async function tierStorage({ context, state }: RouteDeps, status: TierStatus): Promise<TierStorage> {
  const { retention_days = null, backup_types = null } = context.config.storage.tiers[status.tier] ?? {};
  const is_made = status.status !== 'pending' && status.status !== 'unsupported';
  const usage = is_made ? await storageUsage(status.location) : null;
  const is_gone = is_made && usage?.objects === null && status.tier !== HOT;
  return {
    ...status,
    ...(is_gone && { status: 'unavailable', detail: status.detail ?? 'its folder is not there' }),
    backups: state.copies.count(status.tier),
    ...{ bytes_stored: usage?.bytes_stored ?? null, objects: usage?.objects ?? null },
    ...{ retention_days, backup_types },
  };
}
