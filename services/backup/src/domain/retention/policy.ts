import type { HoldfastConfig } from '@holdfast/contracts/config';
import type { RetentionPolicy, RotationRule } from './state.ts';

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** The policy that `rotation` and `storage.tiers` of the configuration say. */
export function policyOf(
  { rotation, storage }: Pick<HoldfastConfig, 'rotation' | 'storage'>,
  time_zone: string,
): RetentionPolicy {
  const rules = PERIODS.flatMap((period): RotationRule[] => {
    const rule = rotation?.[period];
    if (rule === undefined || !rule.enabled || rule.keep_count === 0) return [];
    const prefer_day = 'day' in rule ? rule.day : undefined;
    return [{ period, keep_count: rule.keep_count, prefer_type: rule.backup_type, prefer_day }];
  });
  const days = Object.entries(storage.tiers).flatMap(([tier, { retention_days }]) =>
    retention_days === undefined ? [] : [[tier, retention_days] as const],
  );
  return { rules, tier_days: Object.fromEntries(days), time_zone };
}
