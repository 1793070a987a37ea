import { FileItem, ListFilesQuery } from '@holdfast/contracts/http/monitor';
import { decodeCursor, encodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { FileRegistry } from '../adapters/registry.ts';
import { viewFile } from '../domain/file-inventory/view.ts';

const Place = z.object({ path: z.string() });

/** `GET /api/monitor/files`: the registry, in the order of paths. */
export function listFiles(app: HttpServer, { registry }: { registry: FileRegistry }): void {
  const schema = {
    tags: ['monitor'],
    summary: 'Protected files and what is known of them',
    querystring: ListFilesQuery,
    response: { 200: pageOf(FileItem) },
  };
  app.get('/api/monitor/files', { config: { role: 'viewer' }, schema }, async (request) => {
    const { limit, cursor, source, state, path: prefix } = request.query;
    const after = cursor === undefined ? '' : decodeCursor(cursor, Place).path;
    // One more than asked for tells whether there is a next page.
    const found = registry.list({ source, state, prefix }, after, limit + 1);
    const items = found.slice(0, limit).map(viewFile);
    const last = found.length > limit ? items.at(-1) : undefined;
    return { items, next_cursor: last === undefined ? null : encodeCursor({ path: last.path }) };
  });
}
