import { HoldfastConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { policyOf } from '../retention/policy.ts';
import { decideTiers } from './decide.ts';
import { archiveAfter, tierPolicyOf } from './policy.ts';
import type { Placement, TierCopy, TieredBackup, TierPolicy } from './state.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Wednesday, in the middle of a month. */
const NOW = Date.parse('2026-07-15T12:00:00.000Z');

/** As in the requirements. */
const tiers = {
  hot: { retention_days: 7, backup_types: ['incremental', 'full'] },
  warm: { retention_days: 30, backup_types: ['full', 'weekly'] },
  cold: { retention_days: 365, backup_types: ['monthly', 'yearly'] },
} as const;

function policy(parts: object = tiers, archive?: string): TierPolicy {
  const config = HoldfastConfig.parse({
    host: 'web1',
    storage: { tiers: parts },
    ...(archive !== undefined && { retention: { archive_to_cold_storage_after: archive } }),
  });
  const places = Object.entries(config.storage.tiers).map(([name, tier]) => ({ name, config: tier }));
  return tierPolicyOf(places, config, policyOf(config, 'UTC'));
}

const HOT: TierCopy = { tier: 'hot', is_verified: false, is_bad: false };
const verified = (tier: string): TierCopy => ({ tier, is_verified: true, is_bad: false });

function backup(time_ms: number, fields: Partial<TieredBackup> = {}): TieredBackup {
  const { source = 'bmc', backup_type = 'full', reason = 'schedule' } = fields;
  const backup_id = `${new Date(time_ms).toISOString()} ${source} ${backup_type} ${reason}`;
  return {
    ...{ backup_id, snapshot_id: backup_id, source, backup_type, reason, time_ms },
    ...{ is_bad: false, expires_ms: null, hold: null, pin: null, copies: [HOT] },
    ...fields,
  };
}

/** What is decided about one, beside a newer full one that stays near. */
function decided(one: TieredBackup, rules = policy()): Placement {
  const all = [backup(NOW - HOUR, { source: one.source }), one];
  return decideTiers(all, rules, NOW)[1] as Placement;
}
const seen = ({ tier, step, reasons }: Placement) => [tier, step.do, ...reasons];

describe('where a backup belongs', () => {
  test('goes by its age and what the tiers take', () => {
    expect(seen(decided(backup(NOW - 2 * DAY)))).toEqual(['hot', 'stay', 'in_its_tier']);
    expect(decided(backup(NOW - 8 * DAY))).toMatchObject({
      step: { do: 'copy', from: 'hot', to: 'warm' },
      reasons: ['tier_period'],
    });
    // The only one of its month, which is over.
    expect(decided(backup(NOW - 40 * DAY))).toMatchObject({ step: { do: 'copy', from: 'hot', to: 'cold' } });
    const warm = backup(NOW - 40 * DAY, { copies: [verified('warm')] });
    expect(decided(warm)).toMatchObject({ step: { do: 'copy', from: 'warm', to: 'cold' } });
  });

  test('what no tier takes stays where it is', () => {
    const days = [8, 8.5].map((age) => backup(NOW - age * DAY, { backup_type: 'differential' }));
    const placed = decideTiers([backup(NOW - HOUR), ...days], policy(), NOW).slice(1);
    // Of the two the newer one is the one of its week.
    expect(placed.map(seen)).toEqual([
      ['warm', 'copy', 'tier_period'],
      ['hot', 'stay', 'no_tier_takes_it'],
    ]);
  });

  test('when its time is over everywhere it stays in the last that takes it: rotation says how long it lives', () => {
    const old = backup(NOW - 800 * DAY, { copies: [verified('cold')] });
    expect(seen(decided(old))).toEqual(['cold', 'stay', 'in_its_tier']);
  });

  test('what rotation still keeps when it is to be archived goes to cold, whatever its type', () => {
    const rules = policy(tiers, '20 days');
    const days = [20, 20.2].map((age) => backup(NOW - age * DAY, { backup_type: 'incremental' }));
    const placed = decideTiers([backup(NOW - HOUR), ...days], rules, NOW).slice(1);
    expect(placed.map(seen)).toEqual([
      ['cold', 'copy', 'archive'],
      ['cold', 'copy', 'archive'],
    ]);
    expect([archiveAfter(rules), archiveAfter(policy())]).toEqual(['20_days', null]);
  });

  test('nothing comes back to a nearer tier', () => {
    const moved = backup(NOW - 2 * DAY, { copies: [verified('cold')] });
    expect(seen(decided(moved))).toEqual(['cold', 'stay', 'not_moved_back']);
  });

  test('without other tiers everything stays', () => {
    expect(seen(decided(backup(NOW - 800 * DAY), policy({ hot: tiers.hot })))).toEqual([
      ...['hot', 'stay', 'in_its_tier'],
    ]);
  });
});

describe('what stays near', () => {
  test('the newest good one of each source, and its newest full one', () => {
    const newest = backup(NOW - 40 * DAY, { backup_type: 'incremental' });
    const full = backup(NOW - 50 * DAY);
    const bad = backup(NOW - HOUR, { is_bad: true });
    expect(decideTiers([bad, newest, full], policy(), NOW).map(seen)).toEqual([
      ['hot', 'stay', 'damaged'],
      ['hot', 'stay', 'newest_good'],
      ['hot', 'stay', 'newest_full'],
    ]);
  });

  test.each([
    ['held', { hold: { reason: 'audit', until_ms: null, held_ms: 0, actor: 'a' } }],
    ['pinned', { pin: 'pinned' }],
    ['loss_open', { pin: 'loss_open' }],
    ['damaged', { is_bad: true }],
  ] as const)('what is %s', (reason, fields) => {
    expect(seen(decided(backup(NOW - 40 * DAY, fields)))).toEqual(['hot', 'stay', reason]);
    const copied = backup(NOW - 40 * DAY, { ...fields, copies: [HOT, verified('cold')] });
    expect(decided(copied).step).toEqual({ do: 'stay' });
  });
});

describe('a move', () => {
  const old = NOW - 40 * DAY;
  const step = (...copies: TierCopy[]) => decided(backup(old, { copies })).step;

  test('is a copy that is verified, then a drop', () => {
    expect(step(HOT)).toEqual({ do: 'copy', from: 'hot', to: 'cold' });
    expect(step(HOT, { ...verified('cold'), is_verified: false })).toEqual({
      ...{ do: 'copy', from: 'hot', to: 'cold' },
    });
    expect(step(HOT, verified('cold'))).toEqual({ do: 'drop', tier: 'hot' });
    expect(step(verified('cold'))).toEqual({ do: 'stay' });
  });

  test('drops nothing for a copy that turned out bad', () => {
    expect(step(HOT, { ...verified('cold'), is_bad: true })).toEqual({ do: 'copy', from: 'hot', to: 'cold' });
    expect(step({ ...HOT, is_bad: true }, verified('warm'))).toMatchObject({ do: 'copy', from: 'warm' });
  });
});

describe('over any history, with any of it failing', () => {
  const anyBackup = fc.record({
    time_ms: fc.integer({ min: NOW - 500 * DAY, max: NOW + DAY }),
    source: fc.constantFrom('bmc', 'logs'),
    backup_type: fc.constantFrom('full', 'incremental', 'differential', 'snapshot'),
    reason: fc.constantFrom('schedule', 'on_change', 'before_deployment'),
    is_bad: fc.boolean(),
    pin: fc.option(fc.constantFrom('pinned', 'loss_open'), { nil: null, freq: 8 }),
    hold: fc.option(fc.constant({ reason: 'x', until_ms: null, held_ms: 0, actor: 'a' }), {
      nil: null,
      freq: 8,
    }),
  });
  const catalog = fc.uniqueArray(
    anyBackup.map(({ time_ms, ...fields }) => backup(time_ms, fields as Partial<TieredBackup>)),
    { minLength: 1, maxLength: 30, selector: ({ backup_id }) => backup_id },
  );
  const anyPolicy = fc
    .record({
      hot: fc.integer({ min: 1, max: 60 }),
      warm: fc.integer({ min: 1, max: 400 }),
      archive: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
      takes: fc.subarray(['full', 'weekly', 'monthly', 'snapshot', 'on_change'] as const),
    })
    .map(({ hot, warm, archive, takes }) =>
      policy(
        {
          hot: { retention_days: hot },
          warm: { retention_days: warm, backup_types: takes },
          cold: { backup_types: ['monthly', 'yearly', 'snapshot'] },
        },
        archive === undefined ? undefined : `${archive} days`,
      ),
    );

  /** What is true when a step is over: a copy is not verified where the process was killed before that was noted. */
  function done(one: TieredBackup, { step }: Placement, luck: number): TieredBackup {
    if (step.do === 'stay' || luck === 0) return one;
    if (step.do === 'drop') return { ...one, copies: one.copies.filter(({ tier }) => tier !== step.tier) };
    const copy = { tier: step.to, is_verified: luck > 1, is_bad: luck === 3 };
    return { ...one, copies: [...one.copies.filter(({ tier }) => tier !== step.to), copy] };
  }
  const good = ({ copies }: TieredBackup) => copies.filter(({ is_bad }) => !is_bad);
  const isHot = ({ copies }: TieredBackup) => copies.some(({ tier }) => tier === 'hot');

  /** Holds for what one step made of a backup. */
  function checkStep({ backup: before, step, reasons }: Placement, after: TieredBackup): void {
    expect(good(after).length).toBeGreaterThan(0);
    if (step.do === 'drop') expect(good(after).some(({ is_verified }) => is_verified)).toBe(true);
    if (before.hold !== null || before.pin !== null) expect(after.copies).toEqual(before.copies);
    if (reasons.includes('newest_good')) expect(isHot(after)).toBe(isHot(before));
  }

  const newestGood = (backups: readonly TieredBackup[], source: string) =>
    backups
      .filter((one) => one.source === source && !one.is_bad && one.time_ms <= NOW)
      .toSorted((one, other) => other.time_ms - one.time_ms)
      .slice(0, 1);

  test('no backup is ever without a good copy, drops leave a verified one, the newest good stay in hot', () => {
    fc.assert(
      fc.property(catalog, anyPolicy, fc.infiniteStream(fc.nat(3)), (backups, rules, lucks) => {
        let state = backups;
        for (let round = 0; round < 6; round += 1) {
          const placements = decideTiers(state, rules, NOW + round * 5 * DAY);
          state = placements.map((placement) => {
            const after = done(placement.backup, placement, lucks.next().value ?? 0);
            checkStep(placement, after);
            return after;
          });
          const newest = round === 0 ? ['bmc', 'logs'].flatMap((source) => newestGood(state, source)) : [];
          expect(newest.every(isHot)).toBe(true);
        }
      }),
    );
  });

  test('where nothing fails it comes to an end, with one copy of each that may be moved', () => {
    fc.assert(
      fc.property(catalog, anyPolicy, (backups, rules) => {
        let state = backups;
        for (let round = 0; round < 4; round += 1) {
          const placements = decideTiers(state, rules, NOW);
          state = state.map((one, n) => done(one, placements[n] as Placement, 2));
        }
        const placements = decideTiers(state, rules, NOW);
        expect(placements.filter(({ step }) => step.do !== 'stay')).toEqual([]);
        expect(state.map(({ copies }) => copies.length)).toEqual(state.map(() => 1));
      }),
    );
  });
});
