import { timestamp } from '@holdfast/runtime/clock';
import { backoffMs } from '../../domain/backoff.ts';
import type { Placement } from '../../domain/tiers/state.ts';
import { toKnownError } from '../backup-run/run-error.ts';
import type { MoveDeps } from './move-copy.ts';
import type { Trouble } from './tier-table.ts';

/** What keeps failing is tried again later and later, and told once. */
export interface TierTroubles {
  /** Tiers that are left alone for now. */
  resting(): string[];
  /** When the first of them is tried again; infinite where none is left alone. */
  next_ms(): number;
  /** Takes in a failure; the tier is left alone for a while. */
  failed(error: unknown, tier: string): string;
  /** Something was copied into it: what was told of it is over. */
  worked(tier: string, correlationid: string): void;
  /** At the end of a round: tells of the tiers that fail and are not told of, and of those that work again. */
  note(waiting: readonly Placement[], blocked: ReadonlySet<string>, correlationid: string): void;
}

const BACKOFF = { first_ms: 60_000, max_ms: 3_600_000 };

interface Failing extends Trouble {
  readonly count: number;
  readonly again_ms: number;
}

/** None fails yet. */
export function createTierTroubles(deps: MoveDeps): TierTroubles {
  const { state, context } = deps;
  const { clock, log } = context;
  const failing = new Map<string, Failing>();
  const tell = (
    tier: string,
    trouble: Trouble,
    told: { waiting: number; correlationid: string; is_over: boolean },
  ) => {
    const location = deps.tiers.places.find(({ name }) => name === tier)?.location ?? '';
    const data = {
      ...{ host: context.host, tier, location, error: { code: trouble.code, message: trouble.message } },
      backups_waiting: told.waiting,
      ...(told.is_over && { cleared_at: timestamp(clock.now_ms()) }),
    };
    state.write(() => {
      state.tiers.set(tier, { trouble: told.is_over ? null : trouble });
      state.tell('TierUnavailable', { subject: tier, data, correlationid: told.correlationid });
    });
  };
  const worked = (tier: string, correlationid: string) => {
    failing.delete(tier);
    const { trouble } = state.tiers.get(tier);
    if (trouble !== null) tell(tier, trouble, { waiting: 0, correlationid, is_over: true });
  };
  // One whose time has come may be passed over for another reason, as its disk is full: nothing is waited for then.
  const resting = () => {
    const now_ms = clock.now_ms();
    return [...failing].filter(([, { again_ms }]) => again_ms > now_ms);
  };
  return {
    resting: () => resting().map(([tier]) => tier),
    next_ms: () => Math.min(...resting().map(([, { again_ms }]) => again_ms)),
    failed: (error, tier) => {
      const known = toKnownError(error);
      // What is told names the tier anyway.
      const { code, message } = known.code === 'unavailable' ? toKnownError(known.cause ?? known) : known;
      const count = (failing.get(tier)?.count ?? 0) + 1;
      const again_ms = clock.now_ms() + backoffMs(count, BACKOFF);
      failing.set(tier, { code, message, count, again_ms });
      log.error({ err: error, tier }, 'a tier cannot be used; will retry');
      // After a failed sync a store is to be opened anew.
      if (code === 'storage_failed') void deps.tiers.reset(tier);
      return tier;
    },
    worked,
    note: (waiting, blocked, correlationid) => {
      const goesTo = (tier: string) => waiting.some(({ step }) => step.do === 'copy' && step.to === tier);
      for (const { name } of deps.tiers.places) {
        if (!blocked.has(name) && !goesTo(name)) worked(name, correlationid);
      }
      for (const tier of blocked) {
        const trouble = failing.get(tier);
        if (trouble === undefined || state.tiers.get(tier).trouble !== null) continue;
        const { code, message } = trouble;
        const count = waiting.filter(
          ({ step }) => step.do === 'copy' && [step.from, step.to].includes(tier),
        ).length;
        tell(tier, { code, message }, { waiting: count, correlationid, is_over: false });
      }
    },
  };
}
