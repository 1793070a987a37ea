import { runMain } from '@holdfast/runtime/process-door';
import { startAlerting } from './service.ts';

/** The process door: `node services/alerting/src/main.ts --config holdfast.yaml`. */
await runMain('alerting', startAlerting);
