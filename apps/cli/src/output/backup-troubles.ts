import type { BackupHealth, TierStatus } from '@holdfast/contracts/http/backup';
import { bytes } from './print.ts';

/** A source or a tier that is not as it should be. */
export interface BackupTrouble {
  readonly what: 'source' | 'tier';
  readonly name: string;
  readonly status: string;
  /** Null: none is known. */
  readonly reason: string | null;
  /** Something fails; else nothing does, but it protects nothing yet, or not for long. */
  readonly is_failure: boolean;
}

type SourceHealth = BackupHealth['sources'][number];

/** What is not ok in the health of the backups, each with its reason: what fails comes first. */
export function backupTroubles({ sources, tiers }: BackupHealth): BackupTrouble[] {
  const found = [...sources.flatMap(troubleOfSource), ...tiers.flatMap(troubleOfTier)];
  return [...found.filter(({ is_failure }) => is_failure), ...found.filter(({ is_failure }) => !is_failure)];
}

function troubleOfSource({ source, status, detail }: SourceHealth): BackupTrouble[] {
  if (status === 'ok') return [];
  const reason = detail ?? (status === 'pending_first' ? 'no backup yet' : null);
  return [
    {
      what: 'source',
      name: source,
      status: status.replaceAll('_', ' '),
      reason,
      is_failure: status === 'failing',
    },
  ];
}

/** One to which nothing was ever copied is as it should be. */
function troubleOfTier(tier: TierStatus): BackupTrouble[] {
  const { status, level, detail: reason } = tier;
  const named = { what: 'tier' as const, name: tier.tier };
  if (status === 'unavailable' || status === 'unsupported')
    return [{ ...named, status, reason, is_failure: status === 'unavailable' }];
  if (level === 'normal') return [];
  return [{ ...named, status: `${level} usage`, reason: usageOf(tier), is_failure: level === 'critical' }];
}

function usageOf({ used_percent, free_bytes }: TierStatus): string | null {
  if (used_percent === null || free_bytes === null) return null;
  return `${used_percent} % are used, ${bytes(free_bytes)} are free`;
}
