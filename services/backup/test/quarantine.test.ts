import { fakeClock } from '@holdfast/testkit/fake-clock';
import { eventually } from '@holdfast/testkit/wait-for';
import { expect, test } from '@jest/globals';
import { boot, HOST, place } from './support/booted.ts';
import { memoryRepository } from './support/memory-repository.ts';

const START = Date.parse('2026-07-15T00:30:00.000Z');
const HOUR = 3_600_000;

interface Quarantined {
  source: string;
  last_good_backup_id: string | null;
}

test('nothing of a source under attack is cleaned up until it is released, and the last backup from before is named', async () => {
  using at = place();
  at.write('a.csv', 'a;b\n');
  const clock = fakeClock(START);
  const rotation = { hourly: { enabled: true, keep_count: 3 } };
  const options = {
    repository: memoryRepository(),
    sources: { prices: { root: at.root, backup_frequency: 'weekly' as const } },
    yaml: { time_zone: 'UTC', rotation, schedule: { hourly: { enabled: false } } },
    overrides: { clock },
  };
  await using backup = await boot(at, options);
  const make = async () => {
    clock.advance(HOUR);
    const wish = { type: 'full', sources: ['prices'], wait: true };
    return (await backup.call<{ backup_id: string }>('POST', '/api/backup', wish)).body.backup_id;
  };
  const stay = async () => (await backup.call<{ items: unknown[] }>('GET', '/api/backup')).body.items.length;
  const quarantined = async () =>
    (await backup.call<{ items: Quarantined[] }>('GET', '/api/backup/quarantine')).body.items;
  await backup.created(1);
  const good = await make();
  clock.advance(HOUR);
  const started_at = new Date(clock.now_ms()).toISOString();
  await backup.tell(
    'MassChangeDetected',
    {
      ...{ host: HOST, source: 'prices', window_ms: HOUR, files: 8, bytes: 80, kinds: { scrambled: 8 } },
      ...{ entropy_mean: 7.9, score: 1, verdict: 'alarm', reasons: ['8 files'], examples: [], started_at },
    },
    'prices',
  );
  await eventually(async () => (await quarantined()).length === 1);
  for (let hour = 0; hour < 4; hour += 1) await make();
  await backup.call('POST', '/api/backup/cleanup', {});
  expect(await stay()).toBeGreaterThan(5);
  expect(await quarantined()).toMatchObject([{ source: 'prices', last_good_backup_id: good }]);
  expect(await backup.call('DELETE', `/api/backup/${good}`)).toMatchObject({ status: 409 });

  const release = (role: 'admin' | 'viewer') =>
    backup.call('DELETE', '/api/backup/quarantine/prices', undefined, role);
  expect(await release('viewer')).toMatchObject({ status: 403 });
  expect(await release('admin')).toMatchObject({ status: 204 });
  expect(await release('admin')).toMatchObject({ status: 404 });
  expect(await backup.told('MassChangeReleased')).toHaveLength(1);
  expect(await quarantined()).toEqual([]);
  await backup.call('POST', '/api/backup/cleanup', {});
  expect(await stay()).toBe(3);
});
