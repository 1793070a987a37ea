import { runMain } from '@holdfast/runtime/process-door';
import { startAudit } from './service.ts';

/** The process door: `node services/audit/src/main.ts --config holdfast.yaml`. */
await runMain('audit', startAudit);
