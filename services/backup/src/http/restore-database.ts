import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { RestoreDatabaseBody, RestoreDatabaseResult } from '@holdfast/contracts/http/backup';
import { actorOf } from '@holdfast/http/caller';
import { type Asked, PROGRESS_NOTE, replyWithProgress } from '@holdfast/http/progress-reply';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import { requireSources } from '../adapters/backup-run/require-sources.ts';
import { backupsAround } from '../adapters/catalog/backups-around.ts';
import { readCopy } from '../adapters/tiers/read-copies.ts';
import { type ClusterTime, endOfSecond, formatTime, parseTime } from '../domain/mongodb/cluster-time.ts';
import type { MongoSource } from '../mongodb/capture.ts';
import { connectDatabase, decodeQuery } from '../mongodb/connect.ts';
import { previewRestore } from '../mongodb/preview-restore.ts';
import { restoreDatabase } from '../mongodb/restore-database.ts';
import { answered, type RouteDeps, requireManifest } from './deps.ts';

/** `POST /api/backup/restore-database`: a database, or some of it, as it was at a moment. */
export function restoreDatabaseRoute(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Restore a database as it was at a moment',
    description: PROGRESS_NOTE,
    body: RestoreDatabaseBody,
    response: { 200: RestoreDatabaseResult },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/backup/restore-database', route, (request, reply) =>
    replyWithProgress({ request, reply, ...deps.context }, async (asked) => {
      const { body, caller } = request;
      const result = await answered(restore(deps, body, asked), asked.signal);
      if (!result.dry_run) tell(deps, result, actorOf(caller));
      return result;
    }),
  );
}

async function restore(
  deps: RouteDeps,
  body: RestoreDatabaseBody,
  asked: Asked,
): Promise<RestoreDatabaseResult> {
  const at = body.at === undefined ? null : momentOf(body.at);
  let refusal: unknown = null;
  for (const manifest of candidates(deps, body, at)) {
    try {
      return await restoreFrom(deps, manifest, { body, at, ...asked });
    } catch (error) {
      // Nothing was touched; the backups after it may hold the moment.
      if (body.source === undefined || !isHoldfastError(error) || error.code !== 'moment_not_held')
        throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? new HoldfastError('not_found', `there is no backup of ${body.source}`);
}

/** The one that is named, or those of a source that may hold the moment. */
function candidates(
  deps: RouteDeps,
  { backup_id, source }: RestoreDatabaseBody,
  at: ClusterTime | null,
): Iterable<BackupManifest> {
  if (backup_id !== undefined && source === undefined) return [requireManifest(deps, backup_id)];
  if (backup_id !== undefined || source === undefined) {
    throw new HoldfastError('bad_request', 'name either a backup or a source');
  }
  requireDatabase(deps, source);
  return backupsAround(deps.state, source, at === null ? null : at.seconds * 1000);
}

interface Wish extends Asked {
  readonly body: RestoreDatabaseBody;
  readonly at: ClusterTime | null;
}

async function restoreFrom(
  deps: RouteDeps,
  manifest: BackupManifest,
  { body, at: asked_at, ...asked }: Wish,
): Promise<RestoreDatabaseResult> {
  const started = performance.now();
  // A backup of type snapshot goes where all others of its group are.
  const shared = body.backup_id === undefined ? undefined : manifest.moment?.cluster_time;
  const at = asked_at ?? (shared == null ? null : momentOf(shared));
  const source = requireDatabase(deps, manifest.sources[0]?.source ?? '');
  await using connected = await connectDatabase(await source.url(), source.database);
  const { client, db } = connected;
  const work = body.dry_run ? previewRestore : restoreDatabase;
  const wanted = {
    target: body.target_database === undefined ? db : client.db(body.target_database),
    at,
    collections: body.collections,
    query: body.query === undefined ? undefined : decodeQuery(body.query),
    overwrite: body.overwrite,
    ...asked,
  };
  const restored = await readCopy(deps, manifest, async ({ repository, snapshot_id }) =>
    work({ repository, snapshot: await repository.snapshot(snapshot_id), ...wanted }),
  );
  return {
    backup_id: manifest.backup_id,
    ...restored,
    dry_run: body.dry_run,
    at: timestamp(restored.at.seconds * 1000),
    cluster_time: formatTime(restored.at),
    collections: [...restored.collections],
    duration_ms: Math.round(performance.now() - started),
  };
}

function requireDatabase({ settings }: RouteDeps, name: string): MongoSource {
  const source = settings.sources.find((one) => one.name === name);
  if (source?.mongodb !== undefined) return source.mongodb;
  if (source === undefined) requireSources(settings, [name]);
  throw new HoldfastError('bad_request', `${name} is no database: restore its files`);
}

function momentOf(text: string): ClusterTime {
  const time_ms = Date.parse(text);
  const moment = parseTime(text) ?? (Number.isNaN(time_ms) ? null : endOfSecond(time_ms));
  if (moment !== null) return moment;
  throw new HoldfastError('bad_request', `${text} is no time: 2026-11-25T10:00:00Z, or seconds.increment`);
}

function tell({ state }: RouteDeps, result: RestoreDatabaseResult, actor: string): void {
  const { backup_id, database, collections, duration_ms } = result;
  const target_path = `mongodb:${database}`;
  const data = { backup_id, target_path, files_restored: collections.length, bytes_restored: 0, duration_ms };
  state.write(() => state.tell('BackupRestored', { subject: backup_id, data, actor }));
}
