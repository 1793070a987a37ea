import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { BackupFile, ListFilesQuery } from '@holdfast/contracts/http/backup';
import { decodeCursor, encodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { pathFilter } from '../adapters/backup-run/path-filter.ts';
import { type Located, readCopy } from '../adapters/tiers/read-copies.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';
import { fileView } from './file-view.ts';

const Place = z.object({ skip: z.number().int().nonnegative() });

/** `GET /api/backup/:id/files`: what it holds, in path order, in pages. */
export function listBackupFiles(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'The files of one backup',
    params: z.object({ id: z.string() }),
    querystring: ListFilesQuery,
    response: { 200: pageOf(BackupFile) },
  };
  const route = { config: { role: 'viewer' as const }, schema };
  app.get('/api/backup/:id/files', route, ({ params, query }) =>
    answered(filesOf(deps, requireManifest(deps, params.id), query)),
  );
}

type Query = z.infer<typeof ListFilesQuery>;

function filesOf(deps: RouteDeps, manifest: BackupManifest, query: Query) {
  return readCopy(deps, manifest, (copy) => filesIn(copy, query));
}

async function filesIn({ repository, snapshot_id }: Located, query: Query) {
  const snapshot = await repository.snapshot(snapshot_id);
  const matches = query.glob === undefined ? () => true : pathFilter([query.glob]);
  const skip = query.cursor === undefined ? 0 : decodeCursor(query.cursor, Place).skip;
  const items: z.infer<typeof BackupFile>[] = [];
  let seen = 0;
  // A snapshot never changes, so a count is a place.
  for await (const entry of repository.entries(snapshot, query.under)) {
    if (!matches(entry.path)) continue;
    seen += 1;
    if (seen <= skip) continue;
    if (items.length === query.limit) return { items, next_cursor: encodeCursor({ skip: seen - 1 }) };
    items.push(fileView(entry));
  }
  return { items, next_cursor: null };
}
