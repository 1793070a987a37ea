import type { HoldfastConfig } from '@holdfast/contracts/config';
import type { RetentionPolicy, RotationRule } from './state.ts';

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** The policy that `rotation` of the configuration says. */
export function policyOf({ rotation }: Pick<HoldfastConfig, 'rotation'>, time_zone: string): RetentionPolicy {
  const rules = PERIODS.flatMap((period): RotationRule[] => {
    const rule = rotation?.[period];
    if (rule === undefined || !rule.enabled || rule.keep_count === 0) return [];
    const prefer_day = 'day' in rule ? rule.day : undefined;
    return [{ period, keep_count: rule.keep_count, prefer_type: rule.backup_type, prefer_day }];
  });
  return { rules, time_zone };
}
