import type { MonitorStatus } from '@holdfast/contracts/http/monitor';
import type { Outbox } from '@holdfast/event-store/outbox';
import { timestamp } from '@holdfast/runtime/clock';
import { isWithin } from '@holdfast/runtime/path-pattern';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Territory } from '../adapters/territory.ts';
import type { GapWatch } from './gap-watch.ts';
import type { Inspector } from './inspector.ts';
import type { LastWalk, Reconciler } from './reconciler.ts';
import type { RootGuard } from './root-guard.ts';
import type { Scrubber } from './scrubber.ts';
import type { WatchKeeper } from './watch-keeper.ts';

export interface StatusParts {
  readonly host: string;
  readonly registry: FileRegistry;
  readonly territory: Territory;
  readonly inspector: Inspector;
  readonly reconciler: Reconciler;
  readonly roots: RootGuard;
  readonly keeper: WatchKeeper;
  readonly gaps: GapWatch;
  readonly outbox: Outbox;
  readonly scrubber: Scrubber;
}

/** What `GET /api/monitor/status` answers. */
export function monitorStatus(parts: StatusParts): MonitorStatus {
  const { host, registry, territory, inspector, reconciler, roots, keeper, gaps, outbox } = parts;
  return {
    host,
    files: registry.counts(),
    pending: inspector.pending,
    unpublished: outbox.pending(),
    gaps: gaps.count,
    last_walk: reconciler.last === undefined ? null : walkView(reconciler.last),
    scrub: parts.scrubber.status(),
    roots: territory.roots.map((root) => {
      const lost = roots.lostSince(root);
      const sources = territory.sources.filter((source) =>
        source.roots.some((place) => isWithin(place, root) || isWithin(root, place)),
      );
      return {
        root,
        sources: sources.map(({ name }) => name),
        watched: keeper.watched.has(root) && lost === undefined,
        lost: lost === undefined ? null : { reason: lost.reason, since: timestamp(lost.since_ms) },
        files: registry.counts({ prefix: root }),
      };
    }),
  };
}

function walkView({ depth, ended_at_ms, duration_ms, files, differences, unreadable }: LastWalk) {
  return {
    depth,
    ended_at: timestamp(ended_at_ms),
    duration_ms,
    files,
    differences,
    unreadable: unreadable.slice(0, 100),
  };
}
