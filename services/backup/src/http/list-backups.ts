import { ListBackupsQuery, ListedBackup, NotSearched } from '@holdfast/contracts/http/backup';
import { cutPage, decodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { toKnownError } from '../adapters/backup-run/run-error.ts';
import type { Listed, ListQuery } from '../adapters/catalog/catalog-list.ts';
import { fileFinder } from '../adapters/catalog/find-file.ts';
import { groupMembers } from '../adapters/moments/snapshot-groups.ts';
import { isOfTheCopy } from '../adapters/tiers/read-copies.ts';
import { sinceOf } from '../domain/catalog/query.ts';
import { answered, type RouteDeps } from './deps.ts';
import { holdView } from './hold-view.ts';
import { locationsOf } from './locations-view.ts';
import { servedManifest } from './served-manifest.ts';

const Place = z.object({ value: z.number(), backup_id: z.string() });
const CHUNK = 200;

/** `GET /api/backup`: the backups there are, filtered, sorted, in pages. */
export function listBackups(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'List backups',
    querystring: ListBackupsQuery,
    response: { 200: pageOf(ListedBackup).extend({ not_searched: NotSearched.optional() }) },
  };
  app.get('/api/backup', { config: { role: 'viewer' }, schema }, async ({ query }) => {
    const { cursor, limit, group } = query;
    if (group !== undefined) return { items: groupListed(deps, group), next_cursor: null };
    const from = cursor === undefined ? undefined : decodeCursor(cursor, Place);
    const listing: ListQuery = { ...narrowing(query, deps.context.clock.now_ms()), from };
    const not_searched: NotSearched = [];
    const wanted = { contains: query.contains_file, limit: limit + 1, not_searched };
    const found = await answered(listed(deps, listing, wanted));
    const { page, next_cursor } = cutPage(found, limit, ({ place }) => ({ ...place }));
    const items = page.map(({ manifest, hold }) => ({
      ...servedManifest(deps, manifest),
      hold: holdView(hold),
      locations: locationsOf(deps.state, manifest),
    }));
    return { items, next_cursor, ...(not_searched.length > 0 && { not_searched }) };
  });
}

function groupListed({ state }: RouteDeps, group: string): ListedBackup[] {
  const members = groupMembers(state.db, group);
  return members.map((manifest) => ({
    ...manifest,
    hold: holdView(state.catalog.hold(manifest.backup_id)),
    locations: locationsOf(state, manifest),
  }));
}

function narrowing({ filter, sort, source, type, tier, before, after }: ListBackupsQuery, now_ms: number) {
  const since = [after, filter === undefined ? undefined : sinceOf(filter, now_ms)];
  const given = since.filter((time_ms) => time_ms !== undefined);
  const since_ms = given.length === 0 ? undefined : Math.max(...given);
  return { sort, source, type, tier, before_ms: before, since_ms };
}

interface Wanted {
  contains: string | undefined;
  limit: number;
  /** What could not be looked into is added here. */
  not_searched: NotSearched;
}

async function listed(deps: RouteDeps, query: ListQuery, wanted: Wanted): Promise<Listed[]> {
  const { contains, limit, not_searched } = wanted;
  if (contains === undefined) return deps.state.list.page(query, limit);
  const find = fileFinder(deps, contains);
  // A tier that is away must not keep the others from being searched.
  const holds = (manifest: Listed['manifest']) =>
    find(manifest).catch((error: unknown) => {
      const { code, message } = toKnownError(error);
      if (!isOfTheCopy(code)) throw error;
      not_searched.push({ backup_id: manifest.backup_id, reason: message });
      return false;
    });
  const found: Listed[] = [];
  let from = query.from;
  for (;;) {
    const chunk = deps.state.list.page({ ...query, from }, CHUNK);
    for (const one of chunk) {
      if (await holds(one.manifest)) found.push(one);
      if (found.length === limit) return found;
    }
    if (chunk.length < CHUNK) return found;
    from = chunk.at(-1)?.place;
  }
}
