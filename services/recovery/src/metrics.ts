import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CaseEvent, LossCase } from './domain/loss-case/state.ts';

/** One call per thing that happens. */
export interface RecoveryMetrics {
  opened(state: LossCase): void;
  ended(state: LossCase, ending: CaseEvent): void;
}

const OUTCOMES = {
  FileRecovered: 'recovered',
  RecoveryFailed: 'failed',
  RecoverySuperseded: 'superseded',
  ManualRecoveryRequired: 'manual',
} as const;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Registers the metrics of this service; `gauges` are read when somebody asks. */
export function createMetrics(registry: Registry, gauges: { openCases(): number }): RecoveryMetrics {
  const registers = [registry];
  const opened = new Counter({
    name: 'holdfast_recovery_cases_total',
    help: 'Losses that were taken on',
    labelNames: ['source', 'kind'],
    registers,
  });
  const ended = new Counter({
    name: 'holdfast_recovery_cases_ended_total',
    help: 'How they ended',
    labelNames: ['source', 'outcome', 'exact'],
    registers,
  });
  const bytes = new Counter({ name: 'holdfast_recovery_bytes_total', help: 'Bytes put back', registers });
  const duration = new Histogram({
    name: 'holdfast_recovery_duration_seconds',
    help: 'From the detection of a loss until the file stood again',
    buckets: BUCKETS,
    registers,
  });
  new Gauge({
    name: 'holdfast_recovery_cases_open',
    help: 'Losses that are being worked on',
    registers,
    collect() {
      this.set(gauges.openCases());
    },
  });
  return {
    opened: ({ source, kind }) => opened.inc({ source, kind }),
    ended({ source }, ending) {
      const exact = ending.type === 'FileRecovered' ? String(ending.data.exact) : '';
      ended.inc({ source, outcome: OUTCOMES[ending.type], exact });
      if (ending.type !== 'FileRecovered') return;
      bytes.inc(ending.data.bytes);
      duration.observe(ending.data.duration_ms / 1000);
    },
  };
}
