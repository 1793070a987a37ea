import { collectDefaultMetrics, Registry } from 'prom-client';

/** A Prometheus registry of one service: its own metrics and those of its thread, all labelled with service and host. */
export function createRegistry(labels: { service: string; host: string }): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry });
  return registry;
}
