// A backup service that moves backups until it is killed: its arguments are the root, the data folder and the time it takes it to be.
import { systemClock } from '@holdfast/runtime/clock';
import { boot } from './booted.ts';
import { TIERS } from './tier-config.ts';

const [root = '', data_dir = '', now = ''] = process.argv.slice(2);
const ahead_ms = Number(now) - Date.now();
const at = { root, data_dir, write: () => '', [Symbol.dispose]: () => undefined };
const backup = await boot(at, {
  sources: { bmc: { root, backup_frequency: 'monthly' } },
  yaml: { time_zone: 'UTC', storage: { tiers: TIERS } },
  overrides: { clock: { ...systemClock, now_ms: () => Date.now() + ahead_ms } },
});
await backup.call('POST', '/api/backup/move');
process.send?.('all is moved');
