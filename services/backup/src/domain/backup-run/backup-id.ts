import type { BackupType } from '@holdfast/contracts/backup-events';

/**
 * `backup_20251201_143022_full`, in UTC; where that is taken `…_full_2`, `…_full_3`: unique also within one second.
 */
export function newBackupId(type: BackupType, now_ms: number, taken: (id: string) => boolean): string {
  const [date, time] = new Date(now_ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').split('T');
  const id = `backup_${date}_${time}_${type}`;
  if (!taken(id)) return id;
  let suffix = 2;
  while (taken(`${id}_${suffix}`)) suffix++;
  return `${id}_${suffix}`;
}
