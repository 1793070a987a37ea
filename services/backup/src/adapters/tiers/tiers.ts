import { HoldfastError } from '@holdfast/contracts/errors';
import { openOrCreate, repositoryIdAt } from '@holdfast/repository/repository-key';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { HOT, type TierPlace } from '@holdfast/runtime/repository-place';
import type { BackupSettings } from '../../config.ts';
import { toKnownError } from '../backup-run/run-error.ts';
import type { Engine } from '../engine.ts';
import type { BackupState } from '../state.ts';

/** A repository of a tier, and how it is closed. */
type OpenedTier = Engine & Partial<AsyncDisposable>;

/** The repositories of the tiers: each is opened when it is first needed, and made by itself where nothing was ever copied. */
export interface Tiers extends AsyncDisposable {
  /** The nearest first. */
  readonly places: readonly TierPlace[];
  /**
   * The repository of a tier; rejects with `unavailable` and the reason where it cannot be had. `make`: it may be made
   * where it never was.
   */
  get(tier: string, options?: { make: boolean }): Promise<Engine>;
  /** Opens it anew the next time: its folder may have been away. */
  reset(tier: string): Promise<void>;
}

export interface TiersDeps {
  readonly context: ServiceContext;
  readonly settings: BackupSettings;
  readonly state: BackupState;
  /** Of the hot tier. */
  readonly repository: Engine;
  /** Opens or makes the repository of a tier. */
  readonly openTier?: ((place: TierPlace) => Promise<OpenedTier>) | undefined;
}

/** The tiers of the configuration; only hot is open. */
export function openTiers(deps: TiersDeps): Tiers {
  const { context, settings, state, repository } = deps;
  const { places } = settings;
  const openTier = deps.openTier ?? openOrCreate;
  const opened = new Map<string, Promise<OpenedTier>>();

  const idOf = (tier: string) => (tier === HOT ? repository.id : state.tiers.get(tier).repository_id);
  const open = async (place: TierPlace, make: boolean): Promise<OpenedTier> => {
    const known = state.tiers.get(place.name).repository_id;
    const is_new = known === null && state.copies.count(place.name) === 0;
    // A disk that is not mounted leaves an empty folder: what was there once is never made again.
    if (!is_new || !make) await repositoryIdAt(place.location);
    const engine = await openTier(place);
    const other = places.find(({ name }) => name !== place.name && idOf(name) === engine.id);
    if (other !== undefined) {
      await engine[Symbol.asyncDispose]?.();
      throw new HoldfastError('conflict', `at ${place.location} stands the repository of ${other.name}`);
    }
    // Somebody has made a new one there: what was in the old one is missed from now on.
    if (known !== null && known !== engine.id)
      context.log.warn({ tier: place.name }, 'a tier has a new repository');
    if (known !== engine.id) state.write(() => state.tiers.set(place.name, { repository_id: engine.id }));
    return engine;
  };
  const get = async (place: TierPlace, make: boolean): Promise<Engine> => {
    const held = opened.get(place.name);
    if (held !== undefined) {
      // It may be unmounted since: nothing must be written into the folder that is left.
      if ((await repositoryIdAt(place.location)) === (await held).id) return held;
      await reset(place.name);
    }
    const opening = open(place, make);
    opened.set(place.name, opening);
    // Who asked is told; the next one tries again.
    opening.catch(() => opened.get(place.name) === opening && opened.delete(place.name));
    return opening;
  };
  const reset = async (tier: string) => {
    const held = opened.get(tier);
    opened.delete(tier);
    await held?.then(close).catch(() => undefined); // It is given up because it fails.
  };
  return {
    places,
    get: async (tier, { make } = { make: false }) => {
      if (tier === HOT) return repository;
      const place = places.find(({ name }) => name === tier);
      if (place === undefined)
        throw new HoldfastError('unavailable', `tier ${tier} is not configured any more`);
      try {
        return await get(place, make);
      } catch (error) {
        const { message } = toKnownError(error);
        throw new HoldfastError('unavailable', `tier ${tier} cannot be used: ${message}`, { cause: error });
      }
    },
    reset: async (tier) => {
      if (tier !== HOT) await reset(tier);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...opened.keys()].map(reset));
    },
  };
}

async function close(engine: OpenedTier): Promise<void> {
  await engine[Symbol.asyncDispose]?.();
}
