import { messageOf } from './message.ts';
import { type Silence, silencedUntil } from './silence.ts';
import type { Alert } from './state.ts';

/** How an alert looks to those who ask now. */
export function viewOf(alert: Alert, silences: readonly Silence[], now_ms: number) {
  const { subject, details, counts, hosts, sources, paths, paths_more, failures } = messageOf(
    alert,
    'firing',
    '',
  );
  const silenced_until_ms = silencedUntil(alert, silences, now_ms);
  return {
    status: statusOf(alert, silenced_until_ms),
    summary: subject,
    details,
    counts,
    hosts,
    sources,
    paths,
    paths_more,
    failures,
    silenced_until_ms: silenced_until_ms === 0 ? null : silenced_until_ms,
  };
}

/** What matters most to somebody who looks: over, being worked on, kept quiet, or none of these. */
function statusOf(alert: Alert, silenced_until_ms: number): 'firing' | 'acked' | 'silenced' | 'resolved' {
  if (alert.status === 'resolved') return 'resolved';
  if (alert.acked !== null) return 'acked';
  return silenced_until_ms > 0 ? 'silenced' : 'firing';
}
