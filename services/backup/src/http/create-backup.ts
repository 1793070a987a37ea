import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError, isErrorCode } from '@holdfast/contracts/errors';
import { AcceptedBackups, CreateBackupBody, CreatedBackups } from '@holdfast/contracts/http/backup';
import { BEFORE_DEPLOYMENT } from '@holdfast/contracts/schedule';
import { newId } from '@holdfast/event-store/new-event';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import type { BackupRun } from '../domain/backup-run/state.ts';
import { runView } from '../domain/backup-run/view.ts';
import { typeOf } from '../domain/schedule/define.ts';
import { type RouteDeps, requireManifest } from './deps.ts';

/**
 * `POST /api/backup`: one backup for each source. With `wait` 201 and the manifest, else 202 and where to look; of
 * several sources the reply is the first, and `items` has all.
 */
export function createBackup(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Make a backup now',
    body: CreateBackupBody,
    response: { 201: CreatedBackups, 202: AcceptedBackups },
  };
  app.post(
    '/api/backup',
    { config: { role: 'backup_operator' }, schema },
    async ({ body, caller }, reply) => {
      const correlationid = newId(deps.context.clock.now_ms());
      const { type, sources } = wanted(deps, body);
      const { reason, compression } = body;
      const common = { type, reason, compression, correlationid, actor: actorOf(caller), schedule: null };
      const runs = deps.runner.request(sources.map((source) => ({ source, ...common })));
      const [first] = runs;
      if (first === undefined)
        throw new HoldfastError('bad_request', 'there is no source of files to back up');
      reply.header('location', `/api/backup/${first.backup_id}`);
      if (!body.wait) {
        const items = runs.map((run) => runView(run, null));
        return reply.code(202).send({ ...runView(first, null), items });
      }
      const items = await Promise.all(runs.map((run) => made(deps, run)));
      return reply.code(201).send({ ...(items[0] as BackupManifest), items });
    },
  );
}

/** Before a deployment the schedule of that name says what is left out. */
function wanted(deps: RouteDeps, { type, sources, reason }: CreateBackupBody) {
  if (reason === 'request') {
    return { type: type ?? ('incremental' as const), sources: sourcesToBackUp(deps, sources) };
  }
  const schedule = deps.state.schedules.get(BEFORE_DEPLOYMENT);
  if (schedule?.config.enabled === false) {
    throw new HoldfastError('conflict', `the schedule ${BEFORE_DEPLOYMENT} is not enabled`);
  }
  const usual = typeOf({ name: BEFORE_DEPLOYMENT, config: schedule?.config ?? { enabled: true } });
  return { type: type ?? usual, sources: sourcesToBackUp(deps, sources ?? schedule?.config.sources) };
}

function sourcesToBackUp({ settings }: RouteDeps, named: readonly string[] | undefined): string[] {
  const known = settings.sources.map(({ name }) => name);
  const unknown = named?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new HoldfastError(
      'bad_request',
      `sources: ${unknown.join(', ')} not known; there are ${known.join(', ')}`,
    );
  }
  return [...new Set(named ?? known)];
}

async function made(deps: RouteDeps, run: BackupRun): Promise<BackupManifest> {
  const { error } = await deps.runner.finished(run.backup_id);
  if (error === null) return requireManifest(deps, run.backup_id);
  const code = isErrorCode(error.code) ? error.code : 'internal';
  throw new HoldfastError(code, `${run.backup_id}: ${error.message}`);
}
