import { isHeld, periodsOf } from '../retention/decide.ts';
import { finish, STEP, type Steps } from '../steps.ts';
import type { Placement, PlaceReason, Step, TierCopy, TieredBackup, TierPolicy } from './state.ts';

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/**
 * Says for each backup in which tier it belongs, why, and what is to be done next. Done again and again until all stay,
 * whatever of it fails or is done twice: a copy is only ever dropped where another tier holds a verified one. The newest
 * good backup of each source, and its newest full one, stay in the first tier; what is held, pinned, damaged or dated
 * in the future stays where it is. Nothing is moved back to a nearer tier.
 */
export function decideTiers(
  backups: readonly TieredBackup[],
  policy: TierPolicy,
  now_ms: number,
): Placement[] {
  return finish(decideTiersInSteps(backups, policy, now_ms));
}

/** The same in steps of a few milliseconds, whatever the number of backups. */
export function* decideTiersInSteps(
  backups: readonly TieredBackup[],
  policy: TierPolicy,
  now_ms: number,
): Steps<Placement[]> {
  const near = newestOf(backups, now_ms);
  yield;
  // Only what some tier asks for: there may be very many backups.
  const asked = PERIODS.filter((period) => policy.tiers.some(({ takes }) => takes?.has(period)));
  const periods = yield* periodsOf(backups, policy.retention, { periods: asked, now_ms });
  const placements: Placement[] = [];
  for (const backup of backups) {
    if (placements.length % STEP === 0) yield;
    const fixed = fixedBy(backup, near, now_ms);
    placements.push(
      fixed === null
        ? movable(backup, { policy, now_ms, periods: periods.get(backup.backup_id) ?? [] })
        : stay(backup, nearestOf(backup, policy)?.tier ?? '', fixed),
    );
  }
  return placements;
}

function movable(
  backup: TieredBackup,
  { policy, now_ms, periods }: Pick<Terms, 'policy' | 'now_ms'> & { periods: readonly string[] },
): Placement {
  const traits = [backup.backup_type, backup.reason, ...periods];
  return placed(backup, wantedTier(backup, { traits, policy, now_ms }), policy);
}

/** Why a backup is not to be touched; null: it may be moved. */
function fixedBy(
  backup: TieredBackup,
  near: ReadonlyMap<string, PlaceReason>,
  now_ms: number,
): PlaceReason | null {
  if (isHeld(backup, now_ms)) return 'held';
  if (backup.pin !== null) return backup.pin;
  if (backup.time_ms > now_ms) return 'from_future';
  if (backup.is_bad || backup.copies.every(({ is_bad }) => is_bad)) return 'damaged';
  return near.get(backup.backup_id) ?? null;
}

/** What must stay near: the next backup is compared with it, and most losses want it. */
function newestOf(backups: readonly TieredBackup[], now_ms: number): Map<string, PlaceReason> {
  const newest = new Map<string, TieredBackup>();
  const full = new Map<string, TieredBackup>();
  for (const backup of backups) {
    if (backup.is_bad || backup.time_ms > now_ms) continue;
    keepNewer(newest, backup);
    if (backup.backup_type === 'full') keepNewer(full, backup);
  }
  const near = new Map<string, PlaceReason>();
  for (const { backup_id } of full.values()) near.set(backup_id, 'newest_full');
  for (const { backup_id } of newest.values()) near.set(backup_id, 'newest_good');
  return near;
}

/** By source. */
function keepNewer(best: Map<string, TieredBackup>, backup: TieredBackup): void {
  const known = best.get(backup.source);
  if (known === undefined || newestFirst(backup, known) < 0) best.set(backup.source, backup);
}

function newestFirst(one: TieredBackup, other: TieredBackup): number {
  return other.time_ms - one.time_ms || (one.backup_id < other.backup_id ? 1 : -1);
}

interface Wanted {
  readonly tier: string;
  readonly reason: PlaceReason;
}

interface Terms {
  readonly traits: readonly string[];
  readonly policy: TierPolicy;
  readonly now_ms: number;
}

/** The tier for its age and type; null where none takes it. */
function wantedTier(backup: TieredBackup, { traits, policy, now_ms }: Terms): Wanted | null {
  const age_ms = now_ms - backup.time_ms;
  const { archive_after_ms, archive_tier } = policy;
  if (archive_after_ms !== null && archive_tier !== null && age_ms >= archive_after_ms) {
    return { tier: archive_tier, reason: 'archive' };
  }
  const taking = policy.tiers.filter(
    ({ takes }) => takes === null || traits.some((trait) => takes.has(trait)),
  );
  const now = taking.find(({ retention_ms }) => retention_ms === null || age_ms < retention_ms);
  // Its time is over everywhere, and rotation keeps it still: the farthest that takes it.
  const tier = (now ?? taking.at(-1))?.name;
  return tier === undefined ? null : { tier, reason: 'tier_period' };
}

function placed(backup: TieredBackup, wanted: Wanted | null, policy: TierPolicy): Placement {
  const rank = (tier: string) => policy.tiers.findIndex(({ name }) => name === tier);
  const good = backup.copies
    .filter(({ is_bad }) => !is_bad)
    .toSorted((one, other) => rank(one.tier) - rank(other.tier));
  const farthest = good.filter(({ is_verified }) => is_verified).at(-1);
  const is_back = wanted !== null && farthest !== undefined && rank(wanted.tier) < rank(farthest.tier);
  const tier = is_back ? farthest.tier : (wanted?.tier ?? good[0]?.tier ?? '');
  const step = stepTo(tier, backup.copies, good);
  const reason = is_back ? 'not_moved_back' : (wanted?.reason ?? 'no_tier_takes_it');
  const is_there = step.do === 'stay' && reason === 'tier_period';
  return { backup, tier, step, reasons: [is_there ? 'in_its_tier' : reason] };
}

function stepTo(tier: string, copies: readonly TierCopy[], good: readonly TierCopy[]): Step {
  const there = good.find((copy) => copy.tier === tier);
  const others = copies.filter((copy) => copy.tier !== tier);
  const [from] = good.filter((copy) => copy.tier !== tier);
  if (there === undefined || (!there.is_verified && from !== undefined)) {
    return from === undefined ? { do: 'stay' } : { do: 'copy', from: from.tier, to: tier };
  }
  const [over] = others;
  return over === undefined || !there.is_verified ? { do: 'stay' } : { do: 'drop', tier: over.tier };
}

function nearestOf({ copies }: TieredBackup, { tiers }: TierPolicy): TierCopy | undefined {
  return tiers.flatMap(({ name }) => copies.filter(({ tier }) => tier === name))[0] ?? copies[0];
}

function stay(backup: TieredBackup, tier: string, reason: PlaceReason): Placement {
  return { backup, tier, step: { do: 'stay' }, reasons: [reason] };
}
