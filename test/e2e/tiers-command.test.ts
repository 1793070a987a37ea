import type { BackupStorage, TierStorage } from '@holdfast/contracts/http/backup';
import { expect, test } from '@jest/globals';
import { runCliAgainst } from '../support/canned-server.ts';

const TIER: TierStorage = {
  ...{ tier: 'hot', status: 'ok', detail: null, location: '/backups/hot', level: 'normal' },
  ...{ used_percent: 20, free_bytes: 1 << 30, total_bytes: 1 << 31, backups: 3, bytes_stored: 1 << 20 },
  ...{ objects: 1, retention_days: null, backup_types: null },
};

/** What `holdfast tiers` prints, on a terminal that has colours or not. */
async function printed(tiers: TierStorage[], env: Record<string, string>) {
  const storage: Pick<BackupStorage, 'tiers'> = { tiers };
  return (await runCliAgainst({ '/api/backup/storage': storage }, ['tiers'], { env })).stdout;
}

const TROUBLED: TierStorage[] = [
  { ...TIER, tier: 'warm', level: 'high' },
  { ...TIER, tier: 'cold', status: 'unavailable', detail: 'away', location: '/a \x1b[2J b' },
];

test('what is in trouble is coloured on a terminal, and names do nothing to it', async () => {
  const stdout = await printed(TROUBLED, { FORCE_COLOR: '1' });
  expect(stdout).toContain('\x1b[33mhigh usage\x1b[39m   3 ');
  expect(stdout).toContain('\x1b[31munavailable\x1b[39m  3 ');
  expect(stdout).toContain('/a \\x1b[2J b');
  expect(stdout).not.toMatch(/\\x1b\[3/);
});

test('where there is no terminal there is no colour', async () => {
  const stdout = await printed(TROUBLED, {});
  expect(stdout).not.toContain('\x1b');
  expect(stdout).toMatch(/^cold +unavailable +3 /m);
});
