import { z } from 'zod';
import type { Snapshot } from '../api.ts';
import { OBJECT_TYPE, typeOfObject } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openJson, sealJson } from '../crypto/sealed-json.ts';

export const SNAPSHOT_PREFIX = 'snapshots/';

const HexId = z.string().regex(/^[0-9a-f]{64}$/);
const SnapshotId = z.string().regex(/^[0-9a-f]{32}$/);

/** The content of a snapshot object, JSON. Fields that are not known are kept out; a new `version` is refused. */
const SnapshotBody = z.object({
  version: z.literal(1),
  host: z.string(),
  source: z.string(),
  /** As of when: later than that of its parent, also where the clock went back. */
  time_ms: z.number(),
  /** What the clock said before the first file was looked at. */
  started_ms: z.number(),
  roots: z.array(z.string()),
  tree: HexId,
  parent: SnapshotId.nullable(),
  /** The newest snapshot of every host and source that the writer saw: who removes one of them is found out. */
  heads: z.array(SnapshotId),
  files: z.number(),
  bytes: z.number(),
  metadata: z.record(z.string(), z.unknown()),
});

/** Stands where a snapshot would have stood, so that its writer, thought to be dead, cannot commit it any more. */
const RevocationBody = z.object({ version: z.literal(1), time_ms: z.number() });

/** A snapshot with what only the engine needs. */
export type StoredSnapshot = Snapshot & { readonly heads: readonly string[] };

/** The name of its object. */
export function snapshotName(id: string): string {
  return `${SNAPSHOT_PREFIX}${id}`;
}

/** The object of a snapshot: sealed to its name, so that none can stand in for another. */
export function sealSnapshot(keys: RepositoryKeys, snapshot: StoredSnapshot): Buffer {
  const { id, ...fields } = snapshot;
  const place = { type: OBJECT_TYPE.snapshot, name: snapshotName(id) };
  return sealJson(keys, place, { version: 1, ...fields });
}

/** The object that takes the place of a snapshot for ever. */
export function sealRevocation(keys: RepositoryKeys, id: string, time_ms: number): Buffer {
  const place = { type: OBJECT_TYPE.revocation, name: snapshotName(id) };
  return sealJson(keys, place, { version: 1, time_ms });
}

/**
 * The snapshot that stands in this place, or undefined where its writer was revoked. Throws `repo_damaged` for what was
 * not sealed in this place, `repo_unsupported` for a newer form.
 */
export function openSnapshot(keys: RepositoryKeys, id: string, object: Buffer): StoredSnapshot | undefined {
  const name = snapshotName(id);
  if (typeOfObject(object) === OBJECT_TYPE.revocation) {
    openJson(keys, { type: OBJECT_TYPE.revocation, name }, { object, schema: RevocationBody });
    return undefined;
  }
  const place = { type: OBJECT_TYPE.snapshot, name };
  const { version: _version, ...fields } = openJson(keys, place, { object, schema: SnapshotBody });
  return { id, ...fields };
}
