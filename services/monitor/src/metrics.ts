import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { Counter, Gauge, type Registry } from 'prom-client';
import { FILE_STATES, type FileState } from './domain/file-inventory/state.ts';

/** What is counted; read when somebody asks. */
export interface MonitorGauges {
  files(): Record<FileState, number>;
  pending(): number;
  unpublished(): number;
}

export interface MonitorMetrics {
  /** An event became durable. */
  told(event: HoldfastEvent): void;
  /** Gives the gauges what they read. */
  observe(gauges: MonitorGauges): void;
}

/** The monitor's own metrics in a registry of Prometheus. */
export function createMonitorMetrics(registry: Registry): MonitorMetrics {
  let gauges: MonitorGauges | undefined;
  const events = new Counter({
    name: 'holdfast_monitor_events_total',
    help: 'Events decided, by type',
    labelNames: ['type'],
    registers: [registry],
  });
  new Gauge({
    name: 'holdfast_monitor_files',
    help: 'Files of the registry, by state',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const files = gauges?.files();
      for (const state of FILE_STATES) this.set({ state }, files?.[state] ?? 0);
    },
  });
  new Gauge({
    name: 'holdfast_monitor_pending',
    help: 'Paths that wait to be judged',
    registers: [registry],
    collect() {
      this.set(gauges?.pending() ?? 0);
    },
  });
  new Gauge({
    name: 'holdfast_monitor_outbox_pending',
    help: 'Events that the store has not acknowledged',
    registers: [registry],
    collect() {
      this.set(gauges?.unpublished() ?? 0);
    },
  });
  return {
    told: ({ type }) => events.inc({ type }),
    observe: (given) => {
      gauges = given;
    },
  };
}
