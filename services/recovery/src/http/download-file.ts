import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { HoldfastError } from '@holdfast/contracts/errors';
import { DownloadQuery } from '@holdfast/contracts/http/recovery';
import type { HttpServer } from '@holdfast/http/server';
import type { Version } from '@holdfast/repository/api';
import { backupIdOf } from '../adapters/version-finder.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/recovery/download`: the bytes of one file as a backup has them. */
export function downloadFile(app: HttpServer, deps: RouteDeps): void {
  const schema = { tags: ['recovery'], summary: 'The bytes of one version', querystring: DownloadQuery };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.get('/api/recovery/download', route, async ({ query }, reply) => {
    const { entry } = await requireVersion(deps, query.path, query.backup_id);
    const name = encodeURIComponent(basename(query.path));
    reply
      .type('application/octet-stream')
      .header('content-length', entry.size)
      .header('content-disposition', `attachment; filename*=UTF-8''${name}`)
      .header('etag', `"${entry.checksum}"`);
    return reply.send(Readable.from(deps.repository.read_stream(entry)));
  });
}

async function requireVersion(deps: RouteDeps, path: string, backup_id?: string): Promise<Version> {
  if (backup_id === undefined) {
    for await (const version of deps.finder.versions(path)) return version;
    throw new HoldfastError('not_found', `no backup holds ${path}`);
  }
  const snapshots = await deps.repository.snapshots({ host: deps.context.host });
  const snapshot = snapshots.find((one) => one.id === backup_id || backupIdOf(one) === backup_id);
  if (snapshot === undefined) throw new HoldfastError('not_found', `there is no backup ${backup_id}`);
  const entry = await deps.repository.find(snapshot, path);
  if (entry?.kind !== 'file') throw new HoldfastError('not_found', `${backup_id} does not hold ${path}`);
  return { snapshot, entry };
}
