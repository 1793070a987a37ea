import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { createLines } from '../line.ts';
import type { Tiers } from '../tiers/tiers.ts';

/** Frees the space of what was removed, in each tier by itself: it takes long, and nobody waits for it. */
export interface Reclaimer extends AsyncDisposable {
  /** Something was removed in a tier. */
  note(tier: string): void;
  /** Frees it where the last time is a day ago; `now`: at once. */
  run(options?: { now: boolean }): void;
  /** Does other work on the repository of a tier while no space is freed in it. */
  exclusive<Result>(tier: string, work: () => Promise<Result>): Promise<Result>;
}

const EVERY_MS = 86_400_000;

/** One that has nothing to free yet. */
export function createReclaimer({ context, tiers }: { context: ServiceContext; tiers: Tiers }): Reclaimer {
  const { clock, log } = context;
  const stopping = new AbortController();
  const unfreed = new Set<string>();
  const freed_ms = new Map<string, number>();
  const lines = createLines();

  const free = (tier: string) => {
    freed_ms.set(tier, clock.now_ms());
    unfreed.delete(tier);
    const work = async () => {
      const repository = await tiers.get(tier);
      const { bytes_removed, packs_removed } = await repository.prune({ signal: stopping.signal });
      log.info({ tier, bytes_removed, packs_removed }, 'space freed');
    };
    lines.run(tier, work).catch((error: unknown) => {
      if (stopping.signal.aborted) return;
      unfreed.add(tier);
      log.error({ err: error, tier }, 'space could not be freed; will retry');
    });
  };
  return {
    note: (tier) => void unfreed.add(tier),
    exclusive: lines.run,
    run: ({ now } = { now: false }) => {
      const now_ms = clock.now_ms();
      for (const tier of [...unfreed]) {
        const last_ms = freed_ms.get(tier) ?? Number.NEGATIVE_INFINITY;
        if (now || Math.abs(now_ms - last_ms) >= EVERY_MS) free(tier);
      }
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await lines.over();
    },
  };
}
