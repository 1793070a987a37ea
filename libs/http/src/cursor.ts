import { HoldfastError } from '@holdfast/contracts/errors';
import { z } from 'zod';

/** What every list answers. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });

/** A place in a list as text that callers only pass back. */
export function encodeCursor(place: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The place again, checked against its shape; `bad_request` for anything that we did not make. */
export function decodeCursor<Shape extends z.ZodType>(cursor: string, shape: Shape): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new HoldfastError('bad_request', 'querystring.cursor: is not one that was given out', { cause });
  }
}

/**
 * The page and the cursor of the next one, of what was found when one more than `limit` was asked for; `placeOf` says
 * where to go on after an item.
 */
export function cutPage<Item>(
  found: readonly Item[],
  limit: number,
  placeOf: (last: Item) => Record<string, unknown>,
): { page: Item[]; next_cursor: string | null } {
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { page, next_cursor: last === undefined ? null : encodeCursor(placeOf(last)) };
}
