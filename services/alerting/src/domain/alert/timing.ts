import { type Alert, type Figures, figuresOf, isOver, type MessageKind } from './state.ts';

/** How long to wait for what. */
export interface Waits {
  /** From the first loss until a critical alert is told, whatever is known by then. */
  critical_ms: number;
  /** After the last news, before an outcome counts as the outcome. */
  settle_ms: number;
  /** After the last loss, before a told incident counts as over: a burst has no longer gaps. */
  quiet_ms: number;
  group_wait_ms: number;
  group_interval_ms: number;
}

/** The waits that no configuration changes. */
export const FIXED_WAITS = { critical_ms: 1000, settle_ms: 100, quiet_ms: 1000 };

/** No alert is told more often on a channel. */
export const MESSAGES_MAX = 3;

/** An old story that ended well is not told to anybody: a service that reads history again must not flood people. */
const STALE_MS = 86_400_000;

function sameFigures(a: Figures, b: Figures): boolean {
  return (
    Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, n]) => b[name] === n)
  );
}

/** Every known loss has an outcome, also where that outcome is a failure. */
function outcomeKnown(alert: Alert): boolean {
  return alert.kind === 'condition' || alert.counts.open === 0;
}

/** When the alert becomes `resolved`; null while something is left to mend. */
function resolvesAt(alert: Alert, waits: Waits): number | null {
  if (alert.status !== 'firing') return null;
  if (alert.kind === 'condition' && alert.closing.by === 'quiet' && alert.acked === null)
    return alert.grown_at_ms + alert.closing.quiet_ms;
  if (!isOver(alert, alert.touched_at_ms)) return null;
  const settled = alert.touched_at_ms + waits.settle_ms;
  if (alert.kind === 'condition') return alert.touched_at_ms;
  if (alert.told.length > 0) return Math.max(settled, alert.grown_at_ms + waits.quiet_ms);
  return Math.min(settled, Math.max(alert.seen_at_ms + waits.critical_ms, alert.touched_at_ms));
}

function firstMessageAt(alert: Alert, waits: Waits): number {
  if (alert.severity !== 'critical') return alert.seen_at_ms + waits.group_wait_ms;
  if (alert.kind === 'condition') return alert.seen_at_ms;
  const latest = alert.seen_at_ms + waits.critical_ms;
  return outcomeKnown(alert) ? Math.min(latest, alert.touched_at_ms + waits.settle_ms) : latest;
}

/** People know of losses, and some of them failed since: that needs somebody, so it does not wait for a digest. */
function hasUntoldFailure(alert: Alert, told: Figures): boolean {
  return outcomeKnown(alert) && (figuresOf(alert)['failed'] ?? 0) > (told['failed'] ?? 0);
}

function laterFiringAt(alert: Alert, waits: Waits): number | null {
  const last = alert.told.at(-1);
  if (last === undefined || alert.acked !== null || sameFigures(last.figures, figuresOf(alert))) return null;
  const failure = hasUntoldFailure(alert, last.figures);
  // The last message is kept for the resolution, but for news that is worse than none.
  if (alert.told.length === MESSAGES_MAX - 1 && !failure && last.kind !== 'resolved') return null;
  if (failure) return Math.max(last.at_ms, alert.touched_at_ms + waits.settle_ms);
  const since_ms = alert.untold_since_ms ?? last.at_ms;
  return Math.max(last.at_ms + waits.group_interval_ms, since_ms + waits.critical_ms);
}

function resolutionAt(alert: Alert, waits: Waits): number | null {
  const last = alert.told.at(-1);
  if (last === undefined) return null;
  if (alert.kind === 'condition' && alert.closing.by !== 'event') return null;
  if (last.kind !== 'resolved') return alert.touched_at_ms;
  if (sameFigures(last.figures, figuresOf(alert))) return null;
  // It grew after its resolution was told: the very last message waits, to tell as much as it can.
  return alert.told.length === MESSAGES_MAX - 1 ? last.at_ms + waits.group_interval_ms : alert.touched_at_ms;
}

/** The next message about an alert as it stands, and when it is due; null where there is nothing to tell. */
function nextMessage(alert: Alert, waits: Waits): { kind: MessageKind; at_ms: number } | null {
  if (alert.status === 'pending' || alert.told.length >= MESSAGES_MAX) return null;
  const resolved = alert.status === 'resolved';
  const at_ms =
    alert.told.length === 0
      ? firstMessageAt(alert, waits)
      : resolved
        ? resolutionAt(alert, waits)
        : laterFiringAt(alert, waits);
  if (at_ms === null) return null;
  const kind = resolved ? 'resolved' : alert.told.length === 0 ? 'firing' : 'digest';
  return { kind, at_ms: Math.max(at_ms, alert.held_until_ms) };
}

/** When `tick` has something to do; null: never, as things stand. */
export function dueAt(alert: Alert, waits: Waits): number | null {
  const times = [resolvesAt(alert, waits), nextMessage(alert, waits)?.at_ms ?? null].filter(
    (at) => at !== null,
  );
  return times.length === 0 ? null : Math.min(...times);
}

/** What a tick came to: the alert as it is now, whether it was resolved, and what is to be told. */
export interface Ticked<Kind extends Alert> {
  alert: Kind;
  resolved: boolean;
  tell: MessageKind | null;
}

function resolve<Kind extends Alert>(alert: Kind, now_ms: number): Kind {
  return { ...alert, status: 'resolved', resolved_at_ms: now_ms, version: alert.version + 1 };
}

/**
 * Lets time do its part: resolves what is over, then says what is to be told now. `silenced_until_ms` holds a firing
 * alert's messages until then; what is resolved in silence is not told.
 */
export function tick<Kind extends Alert>(
  alert: Kind,
  waits: Waits,
  now_ms: number,
  silenced_until_ms: number,
): Ticked<Kind> {
  const resolves = resolvesAt(alert, waits);
  const resolved = resolves !== null && resolves <= now_ms;
  const current = resolved ? resolve(alert, now_ms) : alert;
  const next = nextMessage(current, waits);
  if (next === null || next.at_ms > now_ms) return { alert: current, resolved, tell: null };
  if (silenced_until_ms > now_ms && current.status === 'firing')
    return { alert: { ...current, held_until_ms: silenced_until_ms }, resolved, tell: null };
  const told = [...current.told, { kind: next.kind, at_ms: now_ms, figures: figuresOf(current) }];
  const mute =
    silenced_until_ms > now_ms ||
    (current.status === 'resolved' && now_ms - current.changed_at_ms > STALE_MS && current.told.length === 0);
  return { alert: { ...current, told, untold_since_ms: null }, resolved, tell: mute ? null : next.kind };
}
