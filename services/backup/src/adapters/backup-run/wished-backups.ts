import { HoldfastError } from '@holdfast/contracts/errors';
import type { CreateBackupBody } from '@holdfast/contracts/http/backup';
import { BEFORE_DEPLOYMENT } from '@holdfast/contracts/schedule';
import { typeOf } from '../../domain/schedule/define.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import type { RunRequest } from './plan-runs.ts';
import { requireSources } from './require-sources.ts';

type WishDeps = Pick<SnapshotDeps, 'state' | 'settings'>;

/** Who asks, and under which correlation. */
export type Asker = Pick<RunRequest, 'actor' | 'correlationid'>;

/**
 * What somebody who asks for backups gets, one for each source. Before a deployment the schedule of that name says what is
 * left out, and refuses (`conflict`) where it is switched off. Rejects as `requireSources` does.
 */
export function wishedBackups(deps: WishDeps, body: CreateBackupBody, asker: Asker): RunRequest[] {
  const { type, sources } = wanted(deps, body);
  const { reason, compression } = body;
  if (sources.length === 0) {
    // Each that is configured says why.
    requireSources(
      deps.settings,
      deps.settings.unreadable.map(({ name }) => name),
    );
    throw new HoldfastError('bad_request', 'no source is configured: give `holdfast up` a folder');
  }
  return sources.map((source) => ({ source, type, reason, compression, schedule: null, ...asker }));
}

/** Before a deployment the schedule of that name says what is left out. */
function wanted(deps: WishDeps, { type, sources, reason }: CreateBackupBody) {
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

function sourcesToBackUp({ settings }: WishDeps, named: readonly string[] | undefined): string[] {
  requireSources(settings, named);
  const usual = settings.sources.filter(({ plan }) => !plan.is_own).map(({ name }) => name);
  return [...new Set(named ?? usual)];
}
