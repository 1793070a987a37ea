import type { TierStatus } from '@holdfast/contracts/http/backup';
import { HOT } from '@holdfast/runtime/repository-place';
import type { RouteDeps } from './deps.ts';

type Deps = Pick<RouteDeps, 'context' | 'settings' | 'state' | 'space' | 'repository'>;

/** How each tier stands, without touching any: those of this host, then those that this version cannot reach. */
export function tierStatuses(deps: Deps): TierStatus[] {
  const { settings, state, space, context, repository } = deps;
  const near = settings.places.map(({ name, location }): TierStatus => {
    const { trouble, repository_id, level } = state.tiers.get(name);
    const is_made = name === HOT || repository_id !== null;
    const measured = space.latest(name);
    return {
      tier: name,
      status: statusOf(is_made, trouble !== null),
      detail: trouble?.message ?? null,
      location: name === HOT ? repository.location : location,
      level,
      used_percent: measured?.used_percent ?? null,
      free_bytes: measured?.free_bytes ?? null,
      total_bytes: measured?.total_bytes ?? null,
    };
  });
  const named = new Set(near.map(({ tier }) => tier));
  const far = Object.entries(context.config.storage.tiers).filter(([name]) => !named.has(name));
  return [...near, ...far.map(([name, { provider = '' }]) => unsupported(name, provider))];
}

function statusOf(is_made: boolean, is_in_trouble: boolean): TierStatus['status'] {
  if (is_in_trouble) return 'unavailable';
  return is_made ? 'ok' : 'pending';
}

function unsupported(tier: string, provider: string): TierStatus {
  return {
    ...{ tier, status: 'unsupported', detail: `${provider}: not active yet`, location: provider },
    ...{ level: 'normal', used_percent: null, free_bytes: null, total_bytes: null },
  };
}
