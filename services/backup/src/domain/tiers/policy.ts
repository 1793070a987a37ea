import type { HoldfastConfig, TierConfig } from '@holdfast/contracts/config';
import type { RetentionPolicy } from '../retention/state.ts';
import type { TierPolicy } from './state.ts';

const DAY_MS = 86_400_000;
const COLD = 'cold';

/** The policy that `storage.tiers` and `retention` of the configuration say, for tiers in this order. */
export function tierPolicyOf(
  tiers: readonly { readonly name: string; readonly config: TierConfig }[],
  config: Pick<HoldfastConfig, 'retention'>,
  retention: RetentionPolicy,
): TierPolicy {
  const [, ...far] = tiers;
  const archive = far.find(({ name }) => name === COLD) ?? far.at(-1);
  return {
    tiers: tiers.map(({ name, config: { retention_days, backup_types } }) => ({
      name,
      retention_ms: retention_days === undefined ? null : retention_days * DAY_MS,
      takes: backup_types === undefined ? null : new Set(backup_types),
    })),
    archive_after_ms: config.retention?.archive_to_cold_storage_after ?? null,
    archive_tier: archive?.name ?? null,
    retention,
  };
}

/** As manifests spell it: `30_days`; null where nothing is archived by age. */
export function archiveAfter({ archive_after_ms, archive_tier }: TierPolicy): string | null {
  if (archive_after_ms === null || archive_tier === null) return null;
  const days = archive_after_ms / DAY_MS;
  if (Number.isInteger(days)) return `${days}_${days === 1 ? 'day' : 'days'}`;
  return `${Math.round(archive_after_ms / 3_600_000)}_hours`;
}
