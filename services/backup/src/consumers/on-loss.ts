import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { caseChangeOf } from '../domain/pins/decide.ts';
import type { ConsumerDeps } from './deps.ts';

/**
 * Opens a case and pins the newest backup of its source, which holds the last good version: `resolve-pins` looks closer
 * where the case stays open. A source that says `on_delete: ignore` has no losses, only files that are gone.
 */
export function onLoss({ state, settings }: ConsumerDeps, event: HoldfastEvent): void {
  const change = caseChangeOf(event);
  if (change === null || !('open' in change)) return;
  const { path, source, kind } = change.open;
  const config = settings.sources.find(({ name }) => name === source)?.config;
  if (kind === 'deleted' && config?.on_delete === 'ignore') {
    const { correlationid, traceparent = null } = event;
    state.changes.add({
      source,
      path,
      gone: true,
      since_ms: change.open.opened_ms,
      correlationid,
      traceparent,
    });
    return;
  }
  state.cases.open(change.open, state.catalog.newestSnapshot(source));
}
