import { DatabaseSync } from 'node:sqlite';
import { compilePattern } from '@holdfast/runtime/path-pattern';
import type { FoundFiles } from '../domain/expectation/expectation.ts';

export interface ExpectOrder {
  /** The registry's database: read only. */
  readonly database: string;
  /** Globs below a root, or absolute. */
  readonly patterns: readonly { readonly root: string; readonly pattern: string }[];
}

/** The good files of each pattern. Goes over all rows below it: meant for a worker thread. */
export function findExpected({ database, patterns }: ExpectOrder): FoundFiles[] {
  using db = new DatabaseSync(database, { readOnly: true });
  const select = db.prepare(
    `SELECT path, mtime_ns FROM files WHERE (path = ? OR (path > ? AND path < ?)) AND state = 'present'`,
  );
  return patterns.map(({ root, pattern }) => {
    const { base, matches } = compilePattern(root, pattern);
    const bare = base === '/' ? '' : base;
    let files = 0;
    let newest_ms: number | null = null;
    for (const { path, mtime_ns } of select.iterate(base, `${bare}/`, `${bare}0`)) {
      if (!matches(String(path))) continue;
      files += 1;
      // A file that recovery put back is known before its stat is: its time counts with the next look.
      if (mtime_ns !== '')
        newest_ms = Math.max(newest_ms ?? 0, Number(BigInt(String(mtime_ns)) / 1_000_000n));
    }
    return { files, newest_ms };
  });
}
