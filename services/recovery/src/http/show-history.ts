import { FileHistory, HistoryQuery } from '@holdfast/contracts/http/recovery';
import type { HttpServer } from '@holdfast/http/server';
import type { Version } from '@holdfast/repository/api';
import type { StoredCase } from '../adapters/case-store.ts';
import { backupIdOf } from '../adapters/version-finder.ts';
import { caseView } from '../domain/loss-case/view.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /api/recovery/history`: every version of one file, its losses and its recoveries. */
export function showHistory(app: HttpServer, { finder, store }: RouteDeps): void {
  const schema = {
    tags: ['recovery'],
    summary: 'Every version of one file, and what happened to it',
    querystring: HistoryQuery,
    response: { 200: FileHistory },
  };
  const route = { config: { role: 'viewer' as const }, schema };
  app.get('/api/recovery/history', route, async ({ query: { path, limit } }) => {
    const versions: FileHistory['versions'] = [];
    for await (const version of finder.versions(path)) {
      if (version.entry.kind === 'file') versions.push(versionView(version));
      if (versions.length >= limit) break;
    }
    return { path, versions, incidents: store.casesOf(path).map(incidentView) };
  });
}

function versionView({ snapshot, entry }: Version): FileHistory['versions'][number] {
  return {
    time: new Date(snapshot.time_ms).toISOString(),
    mtime: new Date(Number(entry.mtime_ns / 1_000_000n)).toISOString(),
    size: entry.size,
    checksum: entry.checksum,
    source: snapshot.source,
    backup_id: backupIdOf(snapshot),
    snapshot_id: snapshot.id,
  };
}

function incidentView({ state, correlationid }: StoredCase): FileHistory['incidents'][number] {
  const { kind, lost_at, status, duration_ms, exact, reason, error, recovery_id } = caseView(state);
  return {
    time: lost_at,
    kind,
    outcome: status,
    strategy: state.tried.findLast(({ outcome }) => outcome === 'recovered')?.strategy ?? null,
    duration_ms,
    exact,
    reason: reason ?? error?.message ?? null,
    recovery_id,
    correlation_id: correlationid,
  };
}
