import type { PackUse } from './pack-use.ts';

export interface PlanLimits {
  /** Of all that is stored, the share that nobody needs and that is not worth the work of taking it out. */
  readonly waste_max: number;
  /** Bytes that a restore of the newest snapshots may decode, as a multiple of what it needs. */
  readonly spread_max: number;
  /** Packs smaller than this are merged once there are many of one size. */
  readonly small_bytes: number;
}

export const DEFAULT_LIMITS: PlanLimits = { waste_max: 0.1, spread_max: 1.35, small_bytes: 16 * 1024 * 1024 };

/** What becomes of packs, by their ids. */
export interface Plan {
  /** Nothing needs them. */
  readonly drop: readonly string[];
  /** What is needed of them is copied into new packs, then they go too. */
  readonly evacuate: readonly string[];
}

/** So many small packs of about one size become one: each byte is copied a few times in its life, not daily. */
const MERGE_COUNT = 8;
const SIZE_CLASS_FACTOR = 4;
/** A pack of which less than this is needed is always worth its evacuation. */
const LIVE_SHARE_MIN = 0.5;

/**
 * Which packs go: those that nothing needs; those that were marked and yet kept, since some backup came to need them; the
 * most wasteful until waste is within its limit; those that scatter the newest snapshots; and many small ones.
 */
export function planMaintenance(packs: readonly PackUse[], limits: PlanLimits): Plan {
  const drop = packs.filter(({ live_chunks }) => live_chunks === 0);
  const live = packs.filter(({ live_chunks }) => live_chunks > 0);
  const evacuate = new Set(live.filter(({ is_marked }) => is_marked));
  for (const pack of wasteful(live, limits, evacuate)) evacuate.add(pack);
  for (const pack of scattered(live, limits, evacuate)) evacuate.add(pack);
  for (const pack of manySmall(live, limits)) evacuate.add(pack);
  return { drop: drop.map(idOf), evacuate: [...evacuate].map(idOf) };
}

function* wasteful(
  live: readonly PackUse[],
  limits: PlanLimits,
  chosen: ReadonlySet<PackUse>,
): Generator<PackUse> {
  const stay = live.filter((pack) => !chosen.has(pack)).sort((one, other) => share(one) - share(other));
  let total = sum(stay, ({ size }) => size);
  let waste = sum(stay, ({ size, live_bytes }) => size - live_bytes);
  for (const pack of stay) {
    if (share(pack) >= LIVE_SHARE_MIN && waste <= total * limits.waste_max) return;
    waste -= pack.size - pack.live_bytes;
    total -= pack.size - pack.live_bytes;
    yield pack;
  }
}

function* scattered(
  live: readonly PackUse[],
  limits: PlanLimits,
  chosen: ReadonlySet<PackUse>,
): Generator<PackUse> {
  const stay = live.filter((pack) => !chosen.has(pack) && pack.newest_bytes > 0);
  stay.sort((one, other) => spread(other) - spread(one));
  const needed = sum(live, ({ newest_bytes }) => newest_bytes);
  let decoded = sum(live, (pack) => (chosen.has(pack) ? pack.newest_bytes : pack.newest_decoded));
  for (const pack of stay) {
    if (decoded <= needed * limits.spread_max) return;
    decoded -= pack.newest_decoded - pack.newest_bytes;
    yield pack;
  }
}

/** Those that go anyway count: what is needed of them is written together with the others. */
function* manySmall(live: readonly PackUse[], limits: PlanLimits): Generator<PackUse> {
  const small = live.filter((pack) => pack.size < limits.small_bytes);
  for (const alike of Map.groupBy(small, sizeClass).values()) {
    if (alike.length >= MERGE_COUNT) yield* alike;
  }
}

const idOf = ({ id }: PackUse) => id;
const share = ({ size, live_bytes }: PackUse) => live_bytes / size;
const spread = ({ newest_decoded, newest_bytes }: PackUse) => newest_decoded / newest_bytes;
const sizeClass = ({ size }: PackUse) => Math.floor(Math.log(size) / Math.log(SIZE_CLASS_FACTOR));

function sum(packs: readonly PackUse[], value: (pack: PackUse) => number): number {
  return packs.reduce((total, pack) => total + value(pack), 0);
}
