import type { FileRow, FileState, Problem } from './state.ts';

/** A file as `GET /api/monitor/files` shows it. */
export interface FileView {
  path: string;
  source: string;
  state: FileState;
  size: number;
  mtime: string | null;
  checksum: string;
  version: number;
  correlation_id: string | null;
  lost_at: string | null;
  actual_checksum: string | null;
  reasons: Problem[];
}

/** What people may see of a row. Size, mtime and checksum are those of the last good version. */
export function viewFile(row: FileRow): FileView {
  const { path, source, state, version, facts } = row;
  const loss = 'loss' in row ? row.loss : undefined;
  return {
    path,
    source,
    state,
    size: facts.size,
    mtime: facts.mtime_ns === '' ? null : new Date(Number(BigInt(facts.mtime_ns) / 1_000_000n)).toISOString(),
    checksum: facts.checksum,
    version,
    correlation_id: loss?.correlationid ?? null,
    lost_at: loss === undefined ? null : new Date(loss.opened_at_ms).toISOString(),
    actual_checksum: row.state === 'corrupted' ? row.actual.checksum : null,
    reasons: row.state === 'corrupted' ? [...(row.problems ?? [])] : [],
  };
}
