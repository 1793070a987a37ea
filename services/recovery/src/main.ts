import { runMain } from '@holdfast/runtime/process-door';
import { startRecovery } from './service.ts';

/** The process door: `node services/recovery/src/main.ts --config holdfast.yaml`. */
await runMain('recovery', startRecovery);
