import { type HoldfastConfig, OWN_SOURCE } from '@holdfast/contracts/config';
import type { KeyPath } from './schema-walk.ts';

/** A setting that names something which the configuration does not have. */
export interface BrokenReference {
  readonly path: KeyPath;
  readonly message: string;
}

/** Everything that refers to a source which is not there: it would do nothing, and nobody would be told. */
export function brokenReferences(config: HoldfastConfig): BrokenReference[] {
  const sources = [...Object.keys(config.sources), OWN_SOURCE];
  const collections = Object.values(config.sources).flatMap((source) => source.mongodb_collections);
  const there = `there are ${sources.join(', ')}`;
  const scheduled = Object.entries(config.schedule ?? {}).flatMap(([name, schedule]) =>
    (schedule.sources ?? []).flatMap((source, index) =>
      sources.includes(source)
        ? []
        : [
            {
              path: ['schedule', name, 'sources', index],
              message: `there is no source ${source}; ${there}`,
            },
          ],
    ),
  );
  const targets = Object.keys(config.rpo ?? {})
    .filter((name) => !sources.includes(name) && !collections.includes(name))
    .map((name) => ({ path: ['rpo', name], message: `there is no source or collection ${name}; ${there}` }));
  return [...scheduled, ...targets];
}
