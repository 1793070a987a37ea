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
      // With few kills, or few snapshots that were not forgotten, it would prove nothing: then it goes on for a while.
      const killed = () => [...campaign.kills.values()].reduce((sum, kills) => sum + kills, 0);
      const isEnough = () => Math.min(killed(), campaign.snapshots_restored) > RUNS / 2;
      for (let run = 0; run < RUNS || (run < 3 * RUNS && !isEnough()); run += 1) await campaign.play();
      expect(isEnough()).toBe(true);
    },
    TIMEOUT_MS,
  );
});
