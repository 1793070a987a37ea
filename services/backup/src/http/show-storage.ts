import { BackupStorage } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { storageUsage } from '../adapters/storage-usage.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/backup/storage`: what the backups take, and what is left, measured now. */
export function showStorage(app: HttpServer, { state, repository }: RouteDeps): void {
  const schema = { tags: ['backup'], summary: 'What the backups take', response: { 200: BackupStorage } };
  app.get('/api/backup/storage', { config: { role: 'viewer' }, schema }, async () => {
    const { backups, newest_ms } = state.catalog.totals();
    return {
      location: repository.location,
      repository_id: repository.id,
      backups,
      newest_backup_at: newest_ms === null ? null : new Date(newest_ms).toISOString(),
      ...(await storageUsage(repository.location)),
    };
  });
}
