import { z } from 'zod';
import type { Snapshot } from '../api.ts';
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openObject, sealObject } from '../crypto/sealed-object.ts';
import { damaged, RepositoryError } from '../errors.ts';

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

/** A snapshot with what only the engine needs. */
export type StoredSnapshot = Snapshot & { readonly started_ms: number; readonly heads: readonly string[] };

/** The name of its object. */
export function snapshotName(id: string): string {
  return `${SNAPSHOT_PREFIX}${id}`;
}

/** The object of a snapshot: sealed to its name, so that none can stand in for another. */
export function sealSnapshot(keys: RepositoryKeys, snapshot: StoredSnapshot): Buffer {
  const { id, ...fields } = snapshot;
  const body = Buffer.from(JSON.stringify({ version: 1, ...fields }), 'utf8');
  return sealObject(keys, { type: OBJECT_TYPE.snapshot, name: snapshotName(id) }, body);
}

/** Throws `repo_damaged` for what was not sealed as this snapshot, `repo_unsupported` for a newer form. */
export function openSnapshot(keys: RepositoryKeys, id: string, object: Buffer): StoredSnapshot {
  const name = snapshotName(id);
  const body = openObject(keys, { type: OBJECT_TYPE.snapshot, name }, object);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw damaged(`${name}: not JSON`, error);
  }
  const parsed = SnapshotBody.safeParse(value);
  if (!parsed.success) {
    throw new RepositoryError('repo_unsupported', `${name}: a form that this version does not know`, {
      cause: parsed.error,
    });
  }
  const { version: _version, ...fields } = parsed.data;
  return { id, ...fields };
}
