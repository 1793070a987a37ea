import { HoldfastError } from '@holdfast/contracts/errors';
import type { ProtectedSource } from '../../config.ts';

/**
 * Rejects with `encryption_required` where the source wants a key that lies apart from the repository, and there is none:
 * nothing is stored in clear, yet whoever takes the disk could read it.
 */
export function requireEncryption({ name, refusal }: Pick<ProtectedSource, 'name' | 'refusal'>): void {
  if (refusal !== undefined) throw new HoldfastError('encryption_required', `${name}: ${refusal}`);
}
