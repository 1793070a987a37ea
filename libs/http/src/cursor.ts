import { HoldfastError } from '@holdfast/contracts/errors';
import { z } from 'zod';

/** What every list takes. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional().describe('next_cursor of the page before; opaque'),
});
export type PageQuery = z.infer<typeof PageQuery>;

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
