import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is counted: one call for each thing that happens; detail goes to the log. */
export interface AuditMetrics {
  /** One transaction: so many new events, so many that were known, and how long it held the thread. */
  appended(events: { added: number; known: number }, seconds: number): void;
}

/** `size` and `watchers` are asked at each scrape. */
export function createMetrics(registry: Registry, now: { size(): number; watchers(): number }): AuditMetrics {
  const registers = [registry];
  const events = new Counter({
    name: 'holdfast_audit_events_total',
    help: 'Events taken from the stream, by whether they were seen before',
    labelNames: ['outcome'],
    registers,
  });
  const transaction = new Histogram({
    name: 'holdfast_audit_append_seconds',
    help: 'One transaction of the log',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1],
    registers,
  });
  new Gauge({
    name: 'holdfast_audit_log_events',
    help: 'Events in the log',
    registers,
    collect() {
      this.set(now.size());
    },
  });
  new Gauge({
    name: 'holdfast_audit_stream_clients',
    help: 'Clients that follow the events live',
    registers,
    collect() {
      this.set(now.watchers());
    },
  });
  return {
    appended: ({ added, known }, seconds) => {
      events.inc({ outcome: 'added' }, added);
      events.inc({ outcome: 'known' }, known);
      transaction.observe(seconds);
    },
  };
}
