import { HoldfastError } from '@holdfast/contracts/errors';
import { BackupRunView, ListedBackup } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { z } from 'zod';
import { runView } from '../domain/backup-run/view.ts';
import type { RouteDeps } from './deps.ts';
import { holdView } from './hold-view.ts';
import { locationsOf } from './locations-view.ts';
import { servedManifest } from './served-manifest.ts';

/** `GET /api/backup/:id`: the manifest, with what verifications have shown since; until there is one, the run. */
export function showBackup(app: HttpServer, deps: RouteDeps): void {
  const { state, runner } = deps;
  const schema = {
    tags: ['backup'],
    summary: 'One backup: its manifest, or the run that is to make it',
    params: z.object({ id: z.string() }),
    response: { 200: z.union([ListedBackup.extend({ status: z.literal('created') }), BackupRunView]) },
  };
  app.get('/api/backup/:id', { config: { role: 'viewer' }, schema }, async ({ params }) => {
    const manifest = state.catalog.get(params.id);
    if (manifest !== undefined) {
      const hold = holdView(state.catalog.hold(params.id));
      const locations = locationsOf(state, manifest);
      return { ...servedManifest(deps, manifest), hold, locations, status: 'created' as const };
    }
    const run = state.runs.get(params.id);
    if (run === undefined) throw new HoldfastError('not_found', `there is no backup ${params.id}`);
    return runView(run, runner.progress(run.backup_id) ?? null);
  });
}
