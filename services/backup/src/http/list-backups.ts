import { BackupManifest } from '@holdfast/contracts/backup-events';
import { ListBackupsQuery } from '@holdfast/contracts/http/backup';
import { cutPage, decodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import type { Listed, ListQuery } from '../adapters/catalog-table.ts';
import { fileFinder } from '../adapters/find-file.ts';
import { sinceOf } from '../domain/catalog/query.ts';
import { answered, type RouteDeps } from './deps.ts';

const Place = z.object({ value: z.number(), backup_id: z.string() });
const CHUNK = 200;

/** `GET /api/backup`: the backups there are, filtered, sorted, in pages. */
export function listBackups(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'List backups',
    querystring: ListBackupsQuery,
    response: { 200: pageOf(BackupManifest) },
  };
  app.get('/api/backup', { config: { role: 'viewer' }, schema }, async ({ query }) => {
    const { filter, sort, source, type, cursor, limit } = query;
    const listing: ListQuery = {
      sort,
      source,
      type,
      since_ms: filter === undefined ? undefined : sinceOf(filter, deps.context.clock.now_ms()),
      after: cursor === undefined ? undefined : decodeCursor(cursor, Place),
    };
    const found = await answered(listed(deps, listing, { contains: query.contains_file, limit: limit + 1 }));
    const { page, next_cursor } = cutPage(found, limit, ({ place }) => ({ ...place }));
    return { items: page.map(({ manifest }) => manifest), next_cursor };
  });
}

interface Wanted {
  contains: string | undefined;
  limit: number;
}

async function listed(deps: RouteDeps, query: ListQuery, { contains, limit }: Wanted): Promise<Listed[]> {
  if (contains === undefined) return deps.state.catalog.list(query, limit);
  const holds = fileFinder(deps.repository, contains);
  const found: Listed[] = [];
  let after = query.after;
  for (;;) {
    const chunk = deps.state.catalog.list({ ...query, after }, CHUNK);
    for (const one of chunk) {
      if (await holds(one.manifest)) found.push(one);
      if (found.length === limit) return found;
    }
    if (chunk.length < CHUNK) return found;
    after = chunk.at(-1)?.place;
  }
}
