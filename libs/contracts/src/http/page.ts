import { z } from 'zod';

/** What every list takes: spread into its query. It answers `{ items, next_cursor }`. */
export const PAGE_QUERY = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional().describe('next_cursor of the page before; opaque'),
};
