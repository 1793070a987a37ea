import { type HoldfastConfig, OWN_SOURCE, SourceConfig } from '@holdfast/contracts/config';
import type { ProtectedSource } from './config.ts';

/**
 * The source that is always there: what Holdfast itself needs to begin again. It has a schedule of its own (hourly, or as
 * `sources.holdfast.backup_frequency` says), and is in others only where they name it.
 */
export function ownSource({ sources }: Pick<HoldfastConfig, 'sources'>, folder: string): ProtectedSource {
  const given = sources[OWN_SOURCE];
  const config = SourceConfig.parse({
    priority: given?.priority ?? 'high',
    backup_frequency: given?.backup_frequency ?? 'hourly',
    on_delete: 'ignore',
  });
  return {
    name: OWN_SOURCE,
    config,
    roots: [folder],
    matches: () => false,
    select: () => true,
    plan: { source: OWN_SOURCE, on_change: false, frequency: config.backup_frequency, is_own: true },
    own_copy: folder,
  };
}
