import { z } from 'zod';
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openJson, sealJson } from '../crypto/sealed-json.ts';

export const TOMBSTONE_PREFIX = 'tombstones/';

const TombstoneBody = z.object({
  version: z.literal(1),
  /** What the clock of whoever forgot it said. */
  time_ms: z.number(),
  reason: z.string(),
  /** Of the snapshot that was forgotten; null where it could not be read any more. */
  snapshot: z.object({ host: z.string(), source: z.string(), time_ms: z.number() }).nullable(),
});

/** What a forgotten snapshot leaves: a snapshot that is gone without one was removed by somebody else. */
export type Tombstone = z.infer<typeof TombstoneBody>;

export function tombstoneName(snapshot_id: string): string {
  return `${TOMBSTONE_PREFIX}${snapshot_id}`;
}

export function sealTombstone(keys: RepositoryKeys, snapshot_id: string, tombstone: Tombstone): Buffer {
  return sealJson(keys, { type: OBJECT_TYPE.tombstone, name: tombstoneName(snapshot_id) }, tombstone);
}

/** Throws `repo_damaged` or `repo_unsupported`. */
export function openTombstone(keys: RepositoryKeys, name: string, object: Buffer): Tombstone {
  return openJson(keys, { type: OBJECT_TYPE.tombstone, name }, { object, schema: TombstoneBody });
}
