import { FileItem, ListFilesQuery } from '@holdfast/contracts/http/monitor';
import { cutPage, decodeCursor, pageOf } from '@holdfast/http/cursor';
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
    const found = registry.list({ source, state, prefix }, after, limit + 1);
    const { page, next_cursor } = cutPage(found, limit, (last) => ({ path: last.path }));
    return { items: page.map(viewFile), next_cursor };
  });
}
