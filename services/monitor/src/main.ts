import { runMain } from '@holdfast/runtime/process-door';
import { startMonitor } from './service.ts';

/** The process door: `node services/monitor/src/main.ts --config holdfast.yaml`. */
await runMain('monitor', startMonitor);
