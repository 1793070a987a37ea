import type { Severity } from '@holdfast/contracts/alert-events';
import type { Priority } from '@holdfast/contracts/config';

const RANK: Record<Severity, number> = { critical: 4, high: 3, medium: 2, low: 1, info: 0 };

/** True where `severity` is `floor` or worse. */
export function isAtLeast(severity: Severity, floor: Severity): boolean {
  return RANK[severity] >= RANK[floor];
}

/** The worse of two. */
export function worse(a: Severity, b: Severity): Severity {
  return isAtLeast(a, b) ? a : b;
}

/** A loss is as bad as its source is dear; a source that nobody configured here counts as critical. */
export function severityOfLoss(priority: Priority | undefined): Severity {
  return priority ?? 'critical';
}
