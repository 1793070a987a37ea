import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { sourcesOf } from '@holdfast/runtime/source-match';
import type { ConsumerDeps } from './deps.ts';

/** Notes what has to go into the next snapshot of each source that holds the path and is backed up on change. */
export function onFileChanged({ state, settings }: ConsumerDeps, event: HoldfastEvent): void {
  const { correlationid, traceparent = null } = event;
  const since_ms = Date.parse(event.time);
  for (const { path, gone } of changesOf(event)) {
    for (const source of sourcesOf(settings.sources, path)) {
      if (!source.plan.on_change) continue;
      state.changes.add({ source: source.name, path, gone, since_ms, correlationid, traceparent });
    }
  }
}

/** The paths that an event names, and whether they are meant to be gone. */
function changesOf(event: HoldfastEvent): { path: string; gone: boolean }[] {
  switch (event.type) {
    case 'FileRegistered':
    case 'FileModified':
      return [{ path: event.data.path, gone: false }];
    case 'FilesRegistered':
      return event.data.files.map(({ path }) => ({ path, gone: false }));
    case 'FileMoved':
      return [
        { path: event.data.from, gone: true },
        { path: event.data.path, gone: false },
      ];
    case 'FileRetired':
      return [{ path: event.data.path, gone: true }];
    default:
      return [];
  }
}
