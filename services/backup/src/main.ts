import { runMain } from '@holdfast/runtime/process-door';
import { startBackup } from './service.ts';

/** The process door: `node services/backup/src/main.ts --config holdfast.yaml`. */
await runMain('backup', startBackup);
