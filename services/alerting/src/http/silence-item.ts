import type { SilenceItem } from '@holdfast/contracts/http/alerting';
import { timestamp } from '@holdfast/runtime/clock';
import type { Silence } from '../domain/alert/silence.ts';

/** A silence as it goes over the wire. */
export function silenceItem({ created_at_ms, until_ms, ...silence }: Silence): SilenceItem {
  return { ...silence, created_at: timestamp(created_at_ms), until: timestamp(until_ms) };
}
