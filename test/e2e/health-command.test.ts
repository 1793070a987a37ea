import type { BackupHealth, TierStatus } from '@holdfast/contracts/http/backup';
import { expect, test } from '@jest/globals';
import { runCliAgainst } from '../support/canned-server.ts';

const HOT: TierStatus = {
  ...{ tier: 'hot', status: 'ok', detail: null, location: '/backups/hot', level: 'normal' },
  ...{ used_percent: 20, free_bytes: 1 << 30, total_bytes: 1 << 31 },
};

function source(name: string, status: BackupHealth['sources'][number]['status'], detail: string | null) {
  return {
    ...{ source: name, status, detail, priority: 'critical', backup_frequency: 'hourly' },
    ...{ last_backup_id: null, last_backup_at: null, next_backup_at: null, pending_changes: 0 },
  };
}

function healthOf(more: Partial<BackupHealth>): BackupHealth {
  const sources = [source('kb', 'ok', null)];
  return { status: 'ok', sources, open_cases: 0, pins: [], events_to_publish: 0, tiers: [HOT], ...more };
}

/** What `holdfast health` prints of a Holdfast whose services all run. */
async function printed(health: BackupHealth) {
  const services = ['audit', 'backup'].map((service) => ({ service, ready: true, detail: {} }));
  const replies = { '/readyz': { status: 'ok', services }, '/api/backup/health': health };
  return runCliAgainst(replies, ['health']);
}

test('where all is well the services are all that is named', async () => {
  const { code, stdout } = await printed(healthOf({}));
  expect([code, stdout]).toEqual([0, 'audit      ok\nbackup     ok\n']);
});

test('each source and each tier that is not ok is named with its reason, what fails first', async () => {
  const { code, stdout } = await printed(
    healthOf({
      status: 'degraded',
      sources: [
        source('new', 'pending_first', null),
        source('database', 'unsupported', 'MongoDB needs an address'),
        source('crit', 'failing', 'nothing can be read there'),
      ],
      tiers: [
        { ...HOT, level: 'critical', used_percent: 97 },
        { ...HOT, tier: 'warm', status: 'pending' },
        { ...HOT, tier: 'cold', status: 'unavailable', detail: 'there is no repository' },
        { ...HOT, tier: 'far', status: 'unsupported', detail: 's3: not active yet' },
      ],
    }),
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/^backup +degraded$/m);
  expect(stdout.trimEnd().split('\n').slice(2)).toEqual([
    'failing        source crit: nothing can be read there',
    'critical usage tier hot: 97 % are used, 1.0 GiB are free',
    'unavailable    tier cold: there is no repository',
    'pending first  source new: no backup yet',
    'unsupported    source database: MongoDB needs an address',
    'unsupported    tier far: s3: not active yet',
  ]);
});
