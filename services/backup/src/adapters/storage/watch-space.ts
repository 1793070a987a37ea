import { HOT, type TierPlace } from '@holdfast/runtime/repository-place';
import { isWorse, levelOf, type Space } from '../../domain/storage/level.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import type { MeasureSpace } from './measure-space.ts';

/** Measures the disks of the tiers each minute, and tells when a threshold is crossed. */
export interface SpaceWatch extends AsyncDisposable {
  /** Measures now, and from then on. */
  wake(): void;
  /** What was measured last; null: it could not be, or there is nothing there yet. */
  latest(tier: string): Space | null;
}

export interface SpaceWatchDeps
  extends Pick<SnapshotDeps, 'context' | 'settings' | 'state' | 'tiers' | 'repository'> {
  readonly measure: MeasureSpace;
  /** A disk got fuller than a threshold. */
  readonly onFuller: () => void;
}

const EVERY_MS = 60_000;

/** A watch that stands still until its first `wake`. */
export function watchSpace(deps: SpaceWatchDeps): SpaceWatch {
  const { clock, log } = deps.context;
  const latest = new Map<string, Space>();
  let is_over = false;
  let cancel: () => void = () => undefined;
  let working: Promise<void> | null = null;
  const wake = () => {
    if (is_over || working !== null) return;
    cancel();
    working = measureAll(deps, latest)
      .then(() => tellCrossings(deps, latest))
      .catch((error: unknown) => log.warn({ err: error }, 'free space was not measured; will retry'))
      .finally(() => {
        working = null;
        if (!is_over) cancel = clock.after(EVERY_MS, wake);
      });
  };
  return {
    wake,
    latest: (tier) => latest.get(tier) ?? null,
    async [Symbol.asyncDispose]() {
      is_over = true;
      cancel();
      await working;
    },
  };
}

async function measureAll(
  { state, tiers, repository, measure }: SpaceWatchDeps,
  latest: Map<string, Space>,
): Promise<void> {
  for (const { name, location } of tiers.places) {
    const is_made = name === HOT || state.tiers.get(name).repository_id !== null;
    const space = is_made ? await measure(name === HOT ? repository.location : location) : null;
    if (space === null) latest.delete(name);
    else latest.set(name, space);
  }
}

/** Tiers on one disk are told of together, as the nearest of them. */
function tellCrossings(deps: SpaceWatchDeps, latest: ReadonlyMap<string, Space>): void {
  const measured = deps.tiers.places.filter(({ name }) => latest.has(name));
  const disks = Map.groupBy(measured, ({ name }) => latest.get(name)?.device);
  for (const places of disks.values()) {
    const [nearest] = places;
    const space = nearest && latest.get(nearest.name);
    if (nearest !== undefined && space !== undefined) tellCrossing(deps, { nearest, places, space });
  }
}

interface Disk {
  readonly nearest: TierPlace;
  readonly places: readonly TierPlace[];
  readonly space: Space;
}

function tellCrossing(deps: SpaceWatchDeps, { nearest, places, space }: Disk): void {
  const { state, context, settings } = deps;
  const previous_level = state.tiers.get(nearest.name).level;
  const level = levelOf(space, previous_level, settings.thresholds);
  const { used_percent, free_bytes, total_bytes } = space;
  const tiers = places.map(({ name }) => name);
  if (tiers.every((name) => state.tiers.get(name).level === level)) return;
  const data = {
    ...{ host: context.host, tier: nearest.name, tiers, location: nearest.location, level, previous_level },
    ...{ used_percent, free_bytes, total_bytes },
  };
  state.write(() => {
    for (const name of tiers) state.tiers.set(name, { level });
    if (level !== previous_level) state.tell('StorageThresholdCrossed', { subject: nearest.name, data });
  });
  if (!isWorse(level, previous_level)) return;
  context.log.warn({ tiers, level, used_percent, free_bytes }, 'a disk with backups on it is nearly full');
  deps.onFuller();
}
