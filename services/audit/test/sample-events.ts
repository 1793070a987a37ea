import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { newEvent } from '@holdfast/event-store/new-event';
import type { Incoming } from '../src/adapters/log-writer.ts';

const START_MS = Date.UTC(2026, 10, 23);

/** The n-th of a made-up history: losses and recoveries on two hosts, ten milliseconds apart, five to a correlation. */
export function sampleEvent(n: number): HoldfastEvent {
  const host = `web${n % 2}`;
  const source = n % 3 === 0 ? 'conversations' : 'system_state';
  const path = `/srv/bmc/data/kb_populated_${String(n % 50).padStart(4, '0')}.json`;
  const time_ms = START_MS + n * 10;
  const origin = { host, service: 'monitor', clock: { now_ms: () => time_ms } } as const;
  const correlationid = `correlation-${Math.floor(n / 5)}`;
  const facts = { host, source, path, size: n, checksum: `sha256:${n.toString(16).padStart(64, '0')}` };
  const time = new Date(time_ms).toISOString();
  if (n % 4 === 0)
    return newEvent(origin, 'FileDeleted', {
      subject: path,
      actor: n % 7 === 0 ? 'ana' : 'unknown',
      correlationid,
      data: { ...facts, detected_at: time, detected_by: 'watch' },
    });
  return newEvent(origin, 'FileModified', { subject: path, correlationid, data: { ...facts, mtime: time } });
}

/** As it comes from the stream. */
export function incoming(event: HoldfastEvent, seq: number): Incoming {
  return { event, bytes: new TextEncoder().encode(JSON.stringify(event)), seq };
}

/** The first `count` of the history, on sequences from 1. */
export function sampleHistory(count: number): Incoming[] {
  return Array.from({ length: count }, (_, n) => incoming(sampleEvent(n), n + 1));
}
