import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { timestamp } from '@holdfast/runtime/clock';
import { expiryOf } from '../domain/retention/expiry.ts';
import type { RouteDeps } from './deps.ts';

/** The stored manifest, and what follows from the rotation as it is now: when the backup goes at the latest. */
export function servedManifest(
  { settings }: Pick<RouteDeps, 'settings'>,
  manifest: BackupManifest,
): BackupManifest {
  const { backup_type, retention } = manifest;
  const given = retention.expires_at;
  const expires_ms = given === null ? null : Date.parse(given);
  const time_ms = Date.parse(manifest.timestamp);
  const end_ms = expiryOf({ backup_type, time_ms, expires_ms }, settings.retention);
  return { ...manifest, retention: { ...retention, expires_at: end_ms === null ? null : timestamp(end_ms) } };
}
