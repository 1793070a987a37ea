import type { SQLOutputValue } from 'node:sqlite';
import type { Facts, FileRow, LossCase, Problem, RetiredReason } from '../domain/file-inventory/state.ts';

type Columns = Record<string, SQLOutputValue>;
interface Extra {
  loss?: LossCase;
  actual?: Facts;
  problems?: readonly Problem[];
  reason?: RetiredReason;
}

/** A row of the table as the domain knows it. */
export function toFileRow(columns: Columns): FileRow {
  const text = (name: string) => String(columns[name]);
  const extra = columns['extra'] === null ? {} : (JSON.parse(text('extra')) as Extra);
  const facts = {
    size: Number(columns['size']),
    mtime_ns: text('mtime_ns'),
    ctime_ns: text('ctime_ns'),
    inode: text('inode'),
    checksum: text('checksum'),
  };
  const state = text('state');
  const base = { path: text('path'), source: text('source'), version: Number(columns['version']), facts };
  return { ...base, state, ...extra } as FileRow;
}

/** The columns of a row, in the order of the table. */
export function toColumns(row: FileRow): (string | number | null)[] {
  const { path, source, state, version, facts } = row;
  return [
    path,
    source,
    state,
    version,
    facts.size,
    facts.mtime_ns,
    facts.ctime_ns,
    facts.inode,
    facts.checksum,
    extraOf(row),
  ];
}

function extraOf(row: FileRow): string | null {
  switch (row.state) {
    case 'missing':
      return JSON.stringify({ loss: row.loss });
    case 'corrupted':
      return JSON.stringify({ loss: row.loss, actual: row.actual, problems: row.problems });
    case 'retired':
      return JSON.stringify({ reason: row.reason });
    default:
      return null;
  }
}
