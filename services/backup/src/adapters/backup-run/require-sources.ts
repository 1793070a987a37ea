import { HoldfastError } from '@holdfast/contracts/errors';
import type { BackupSettings } from '../../config.ts';

/**
 * Refuses names that no backup can be made of: `config_invalid` for a source of which nothing can be read, with what to do
 * about it, and `bad_request`, with the names there are, for one that is not configured.
 */
export function requireSources(
  { sources, unreadable }: Pick<BackupSettings, 'sources' | 'unreadable'>,
  names: readonly string[] = [],
): void {
  const known = sources.map(({ name }) => name);
  for (const { name, reason } of unreadable) {
    if (!names.includes(name)) continue;
    throw new HoldfastError('config_invalid', `sources.${name}: ${reason}, and start Holdfast again`);
  }
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const message = `sources: ${unknown.join(', ')} not known; there are ${known.join(', ')}`;
  throw new HoldfastError('bad_request', message);
}
