/**
 * Kills the engine at random moments, as often as it is told:
 * `node libs/repository/test/kill/run.ts --runs 500 --seed 1`. Ends with 1 where anything is lost or damaged, and keeps the folder then.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Campaign } from './campaign.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
  },
});
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
const began_at = performance.now();
console.log(`${runs} runs, seed ${values.seed}, in ${folder}`);

const campaign = new Campaign(folder, Number(values.seed));
await campaign.begin();
for (let run = 1; run <= runs; run += 1) {
  await campaign.play();
  if (run % 10 === 0 || run === runs) {
    const seconds = Math.round((performance.now() - began_at) / 1000);
    const { kills, snapshots_reported, snapshots_restored } = campaign;
    console.log(
      JSON.stringify({
        run,
        seconds,
        snapshots_reported,
        snapshots_restored,
        kills: Object.fromEntries(kills),
      }),
    );
  }
}
rmSync(folder, { recursive: true });
