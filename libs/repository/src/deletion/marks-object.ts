import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openJson, sealJson } from '../crypto/sealed-json.ts';

export const MARKS_PREFIX = 'marks/';

const MarksBody = z.object({
  version: z.literal(1),
  time_ms: z.number(),
  packs: z.array(z.string().regex(/^[0-9a-f]{32}$/)),
});

/** Packs that somebody wants to delete: nobody may come to rely on them any more. It is never removed. */
export type Marks = z.infer<typeof MarksBody>;

/** A new marks object under a name of its own. */
export function sealMarks(
  keys: RepositoryKeys,
  marks: Omit<Marks, 'version'>,
): { name: string; object: Buffer } {
  const name = `${MARKS_PREFIX}${randomBytes(16).toString('hex')}`;
  return { name, object: sealJson(keys, { type: OBJECT_TYPE.marks, name }, { version: 1, ...marks }) };
}

/** Throws `repo_damaged` or `repo_unsupported`. */
export function openMarks(keys: RepositoryKeys, name: string, object: Buffer): Marks {
  return openJson(keys, { type: OBJECT_TYPE.marks, name }, { object, schema: MarksBody });
}
