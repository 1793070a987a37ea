import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { DiffQuery, FileDifference } from '@holdfast/contracts/http/backup';
import { decodeCursor, encodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import type { Difference, Repository } from '@holdfast/repository/api';
import { Slice } from '@holdfast/repository/slice';
import { changeOf } from '@holdfast/repository/tree/change-of';
import { z } from 'zod';
import { type Located, readCopy } from '../adapters/tiers/read-copies.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';
import { fileView } from './file-view.ts';

const Place = z.object({ behind: z.string() });

/** `GET /api/backup/:id/diff/:other`: what differs between two backups, in path order, in pages. */
export function diffBackups(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'What was added, changed and removed from one backup to another',
    params: z.object({ id: z.string().describe('before'), other: z.string().describe('after') }),
    querystring: DiffQuery,
    response: { 200: pageOf(FileDifference) },
  };
  app.get('/api/backup/:id/diff/:other', { config: { role: 'viewer' }, schema }, ({ params, query }) => {
    const [before, after] = [requireManifest(deps, params.id), requireManifest(deps, params.other)];
    return answered(differences(deps, [before, after], query));
  });
}

type Query = z.infer<typeof DiffQuery>;

/** The two may lie in different tiers. */
function differences(deps: RouteDeps, [before, after]: [BackupManifest, BackupManifest], query: Query) {
  return readCopy(deps, before, (old) => readCopy(deps, after, (now) => pageBetween(old, now, query)));
}

async function pageBetween(old: Located, now: Located, { limit, cursor, metadata }: Query) {
  const before = await old.repository.snapshot(old.snapshot_id);
  const after = await now.repository.snapshot(now.snapshot_id);
  const options = {
    behind: cursor === undefined ? undefined : decodeCursor(cursor, Place).behind,
    // Both are whole repositories: what this service asks of them is only less.
    ...(old.tier !== now.tier && { before_in: old.repository as Repository }),
  };
  const slice = new Slice();
  const items: z.infer<typeof FileDifference>[] = [];
  for await (const difference of now.repository.diff(before, after, options)) {
    await slice.rest();
    const change = changeOf(difference);
    if (change === 'metadata' && !metadata) continue;
    if (items.length === limit) {
      return { items, next_cursor: encodeCursor({ behind: items.at(-1)?.path }) };
    }
    items.push({ ...differenceView(difference), change });
  }
  return { items, next_cursor: null };
}

function differenceView({ path, before, after }: Difference) {
  return {
    path,
    before: before === undefined ? null : fileView(before),
    after: after === undefined ? null : fileView(after),
  };
}
