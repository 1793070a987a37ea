import { describe, expect, test } from '@jest/globals';
import { makeScratch } from '../support.ts';
import { Campaign } from './campaign.ts';

const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env['HOLDFAST_TEST_RUNS'] ?? 12);
const TIMEOUT_MS = 60_000 + RUNS * 10_000;

describe('an engine that is killed at any moment', () => {
  test(
    'leaves sound repositories, and every snapshot that was reported',
    async () => {
      using scratch = makeScratch();
      const campaign = new Campaign(scratch.path, SEED);
      await campaign.begin();
      for (let run = 0; run < RUNS; run += 1) await campaign.play();
      // Else it would prove nothing.
      const killed = [...campaign.kills.values()].reduce((sum, kills) => sum + kills, 0);
      expect(killed).toBeGreaterThan(RUNS / 2);
      expect(campaign.snapshots_restored).toBeGreaterThan(RUNS / 2);
    },
    TIMEOUT_MS,
  );
});
