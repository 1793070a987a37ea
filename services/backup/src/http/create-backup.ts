import type { BackupManifest } from '@holdfast/contracts/backup-events';
import { HoldfastError, isErrorCode, isHoldfastError } from '@holdfast/contracts/errors';
import { AcceptedBackups, CreateBackupBody, CreatedBackups } from '@holdfast/contracts/http/backup';
import { newId } from '@holdfast/event-store/new-event';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { wishedBackups } from '../adapters/backup-run/wished-backups.ts';
import type { BackupRun } from '../domain/backup-run/state.ts';
import { runView } from '../domain/backup-run/view.ts';
import { type RouteDeps, requireManifest } from './deps.ts';
import { servedManifest } from './served-manifest.ts';

/**
 * `POST /api/backup`: one backup for each source. With `wait` 201 and the manifest, else 202 and where to look; of
 * several sources the reply is the first that was made, `items` has all, and `failed` says which were not and why.
 */
export function createBackup(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Make a backup now',
    body: CreateBackupBody.nullish(),
    response: { 201: CreatedBackups, 202: AcceptedBackups },
  };
  app.post(
    '/api/backup',
    { config: { role: 'backup_operator' }, schema },
    async ({ body: given, caller }, reply) => {
      const body = given ?? CreateBackupBody.parse({});
      const correlationid = newId(deps.context.clock.now_ms());
      const wishes = wishedBackups(deps, body, { correlationid, actor: actorOf(caller) });
      const runs = deps.runner.request(wishes);
      const [first] = runs as [BackupRun, ...BackupRun[]];
      reply.header('location', `/api/backup/${first.backup_id}`);
      if (!body.wait) {
        const items = runs.map((run) => runView(run, null));
        return reply.code(202).send({ ...runView(first, null), items });
      }
      const { items, failed } = await allMade(deps, runs);
      return reply.code(201).send({ ...(items[0] as BackupManifest), items, failed });
    },
  );
}

/** Those that were made, and why others were not; where none was, what the first has failed with. */
async function allMade(deps: RouteDeps, runs: readonly BackupRun[]) {
  const outcomes = await Promise.allSettled(runs.map((run) => made(deps, run)));
  const items = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ run: runs[index] as BackupRun, error: outcome.reason }] : [],
  );
  // One that the caller has to know of as it is: the service stops, or this is a bug.
  const unforeseen = failures.find(({ error }) => !isHoldfastError(error) || error.code === 'interrupted');
  if (unforeseen !== undefined) throw unforeseen.error;
  if (items.length === 0) throw failures[0]?.error;
  const failed = failures.map(({ run: { backup_id, source }, error }) => {
    const { code, message } = error as HoldfastError;
    return { backup_id, source, code, message };
  });
  return { items, failed };
}

async function made(deps: RouteDeps, run: BackupRun): Promise<BackupManifest> {
  const { error, status } = await deps.runner.finished(run.backup_id);
  if (status === 'cancelled') throw new HoldfastError('conflict', `${run.backup_id} was cancelled`);
  if (error === null) return servedManifest(deps, requireManifest(deps, run.backup_id));
  const code = isErrorCode(error.code) ? error.code : 'internal';
  throw new HoldfastError(code, `${run.backup_id}: ${error.message}`);
}
