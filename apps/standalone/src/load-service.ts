import type { ServiceName } from '@holdfast/contracts/catalog';
import type { StartService } from '@holdfast/runtime/process-door';

const starts: Record<ServiceName, () => Promise<StartService>> = {
  monitor: async () => (await import('@holdfast/monitor/service')).startMonitor,
  backup: async () => (await import('@holdfast/backup/service')).startBackup,
  recovery: async () => (await import('@holdfast/recovery/service')).startRecovery,
  alerting: async () => (await import('@holdfast/alerting/service')).startAlerting,
  audit: async () => (await import('@holdfast/audit/service')).startAudit,
};

/** What starts the service of this name; only the code of that one is loaded. */
export function loadService(name: ServiceName): Promise<StartService> {
  return starts[name]();
}
