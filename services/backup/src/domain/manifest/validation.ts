import type { BackupManifest } from '@holdfast/contracts/backup-events';

type Validation = BackupManifest['validation'];
export type VerifyLevel = 'manifest' | 'data' | 'restore';

/** What one verification showed. */
export interface Verified {
  readonly level: VerifyLevel;
  readonly passed: boolean;
  readonly at_ms: number;
}

/**
 * The manifest's validation after a verification. `integrity_check` passes when every byte was read (`data`, `restore`),
 * `restore_test` when every file was restored and compared; a comparison of the manifest alone can only fail them.
 */
export function evolveValidation(validation: Validation, verified: Verified): Validation {
  const result = verified.passed ? 'passed' : 'failed';
  const read = verified.level !== 'manifest';
  return {
    integrity_check: read || !verified.passed ? result : validation.integrity_check,
    restore_test: verified.level === 'restore' ? result : validation.restore_test,
    verified_at: new Date(verified.at_ms).toISOString(),
  };
}

/** True where something was found damaged, and nothing has proved it well since. */
export function hasFailed({ integrity_check, restore_test }: Validation): boolean {
  return integrity_check === 'failed' || restore_test === 'failed';
}
