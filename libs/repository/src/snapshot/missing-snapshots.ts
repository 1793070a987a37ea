import { TOMBSTONE_PREFIX } from '../deletion/tombstone-object.ts';
import type { Engine } from '../engine.ts';
import { fromStorage } from '../errors.ts';
import type { StoredSnapshot } from './snapshot-object.ts';

/** Ids of all snapshots that were forgotten on purpose. */
export async function forgottenIds({ store }: Pick<Engine, 'store'>): Promise<Set<string>> {
  const names = await Array.fromAsync(store.names(TOMBSTONE_PREFIX)).catch((error: unknown) => {
    throw fromStorage(error);
  });
  return new Set(names.map((name) => name.slice(TOMBSTONE_PREFIX.length)));
}

/** What is known of snapshots, and of those that stand. */
export interface Sightings {
  readonly listed: readonly StoredSnapshot[];
  /** Those that stand and cannot be read. */
  readonly damaged: ReadonlyMap<string, Error>;
  readonly forgotten: ReadonlySet<string>;
  /** What this host has seen, as it was before the listing. */
  readonly seen: readonly string[];
}

/** Snapshots that stood once, and neither stand nor were forgotten, each with how that is known. */
export function missingSnapshots({ listed, damaged, forgotten, seen }: Sightings): Map<string, string> {
  const standing = new Set(listed.map(({ id }) => id));
  const missing = new Map<string, string>();
  const note = (id: string, why: string) => {
    const is_known = standing.has(id) || damaged.has(id) || forgotten.has(id) || missing.has(id);
    if (!is_known) missing.set(id, why);
  };
  for (const { id, heads } of listed)
    for (const head of heads) note(head, `snapshot ${id} was made after it`);
  for (const id of seen) note(id, 'this host has seen it');
  return missing;
}
