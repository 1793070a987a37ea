import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { sourcesOf } from '@holdfast/runtime/source-match';
import { caseChangeOf } from '../domain/pins/decide.ts';
import type { ConsumerDeps } from './deps.ts';

/** Closes the case of a path and has the path read again: what stands there now belongs into the next snapshot. */
export function onLossClosed({ state, settings }: ConsumerDeps, event: HoldfastEvent): void {
  const change = caseChangeOf(event);
  if (change === null || !('close' in change)) return;
  const path = change.close;
  const since_ms = Date.parse(event.time);
  if (!state.cases.close(path, since_ms) || event.type === 'FileRetired') return;
  const { correlationid, traceparent = null } = event;
  for (const source of sourcesOf(settings.sources, path)) {
    if (!source.plan.on_change) continue;
    state.changes.add({ source: source.name, path, gone: false, since_ms, correlationid, traceparent });
  }
}
