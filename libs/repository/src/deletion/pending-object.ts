import { z } from 'zod';
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openJson, sealJson } from '../crypto/sealed-json.ts';

export const PENDING_PREFIX = 'pending/';

const PendingBody = z.object({
  version: z.literal(1),
  host: z.string(),
  source: z.string(),
  /** What the writer's clock said: for people, and to tell who has been silent for long. Nothing is safe because of it. */
  time_ms: z.number(),
  /** Root of the tree that is about to be committed: all that it reaches is needed. Null: the writer is not so far. */
  tree: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** New packs that nothing reaches yet. */
  packs: z.array(z.string().regex(/^[0-9a-f]{32}$/)),
});

/** What a writer needs before its snapshot says so. */
export type Pending = z.infer<typeof PendingBody>;

/** One of the pending objects of a snapshot to come. */
export function pendingName(snapshot_id: string, number: number): string {
  return `${PENDING_PREFIX}${snapshot_id}-${number}`;
}

/** Id of the snapshot to come; undefined for a name that is none of ours. */
export function snapshotOfPending(name: string): string | undefined {
  return /^pending\/([0-9a-f]{32})-\d+$/.exec(name)?.[1];
}

/** The object of a pending under this name. */
export function sealPending(keys: RepositoryKeys, name: string, pending: Pending): Buffer {
  return sealJson(keys, { type: OBJECT_TYPE.pending, name }, pending);
}

/** Throws `repo_damaged` or `repo_unsupported`. */
export function openPending(keys: RepositoryKeys, name: string, object: Buffer): Pending {
  return openJson(keys, { type: OBJECT_TYPE.pending, name }, { object, schema: PendingBody });
}
