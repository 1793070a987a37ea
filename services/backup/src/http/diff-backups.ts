import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError } from '@holdfast/contracts/errors';
import { BackupDifference, DiffQuery } from '@holdfast/contracts/http/backup';
import { decodeCursor, encodeCursor, pageOf } from '@holdfast/http/cursor';
import type { HttpServer } from '@holdfast/http/server';
import type { Difference } from '@holdfast/repository/api';
import { changeOf } from '@holdfast/repository/change';
import { z } from 'zod';
import { type Located, readCopy } from '../adapters/tiers/read-copies.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';

const Place = z.object({ skip: z.number().int().nonnegative() });
type Query = z.infer<typeof DiffQuery>;

/** `GET /api/backup/:id/diff/:other`: what differs in the second one, in path order, in pages; the cost follows the difference. */
export function diffBackups(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'What changed from one backup to another',
    params: z.object({ id: z.string(), other: z.string() }),
    querystring: DiffQuery,
    response: { 200: pageOf(BackupDifference) },
  };
  const route = { config: { role: 'viewer' as const }, schema };
  app.get('/api/backup/:id/diff/:other', route, ({ params, query }) => {
    const [before, after] = [requireManifest(deps, params.id), requireManifest(deps, params.other)];
    return answered(readCopy(deps, before, (copy) => diff(deps, copy, { after, query })));
  });
}

async function diff(
  { state }: RouteDeps,
  { tier, repository, snapshot_id }: Located,
  { after, query }: { after: BackupManifest; query: Query },
) {
  const other = state.copies.of(after.backup_id).find((copy) => copy.tier === tier);
  if (other === undefined) {
    const detail = `${after.backup_id} has no copy in the tier ${tier}, where the other one is`;
    throw new HoldfastError('conflict', detail);
  }
  const [one, two] = [await repository.snapshot(snapshot_id), await repository.snapshot(other.snapshot_id)];
  const skip = query.cursor === undefined ? 0 : decodeCursor(query.cursor, Place).skip;
  const items: z.infer<typeof BackupDifference>[] = [];
  let seen = 0;
  // Snapshots never change, so a count is a place.
  for await (const difference of repository.diff(one, two)) {
    if (changeOf(difference) === 'metadata' && !query.metadata) continue;
    seen += 1;
    if (seen <= skip) continue;
    if (items.length === query.limit) return { items, next_cursor: encodeCursor({ skip: seen - 1 }) };
    items.push(view(difference));
  }
  return { items, next_cursor: null };
}

function view(difference: Difference): z.infer<typeof BackupDifference> {
  const { path, before, after } = difference;
  return {
    path,
    change: changeOf(difference),
    kind: (after ?? before)?.kind ?? 'file',
    size_before: before?.size ?? null,
    size_after: after?.size ?? null,
    checksum_before: before?.kind === 'file' ? before.checksum : null,
    checksum_after: after?.kind === 'file' ? after.checksum : null,
  };
}
