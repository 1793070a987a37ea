import type { z } from 'zod';
import { damaged, RepositoryError } from '../errors.ts';
import type { Place } from './envelope.ts';
import type { RepositoryKeys } from './keys.ts';
import { openObject, sealObject } from './sealed-object.ts';

/** A whole object whose body is JSON. */
export function sealJson(keys: RepositoryKeys, place: Place, body: unknown): Buffer {
  return sealObject(keys, place, Buffer.from(JSON.stringify(body), 'utf8'));
}

/** Throws `repo_damaged` for what was not sealed in this place, `repo_unsupported` for a form that `schema` does not know. */
export function openJson<Schema extends z.ZodType>(
  keys: RepositoryKeys,
  place: Place,
  content: { object: Buffer; schema: Schema },
): z.infer<Schema> {
  const body = openObject(keys, place, content.object);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw damaged(`${place.name}: not JSON`, error);
  }
  const parsed = content.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RepositoryError('repo_unsupported', `${place.name}: a form that this version does not know`, {
    cause: parsed.error,
  });
}
