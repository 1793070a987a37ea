import { DatabaseSync } from 'node:sqlite';
import { sameStat } from '../../domain/file-inventory/decide.ts';
import type { FileRow } from '../../domain/file-inventory/state.ts';
import { look } from '../file-stat.ts';
import { toFileRow } from '../registry-rows.ts';

/** Which file holds which conversations, as far as they were good. Sessions are hashed. */
export interface KnownSessions extends Disposable {
  /** Those of the last good version of a file, and the traits of its conversations. */
  of(path: string): ReadonlySet<string>;
  /** Another file of the source that holds the session for certain: it stands there as it was when it was read. */
  holderOf(session: string, beside: { path: string; source: string }): string | undefined;
}

/** Reads the registry's database beside its owner. It is opened at the first question. */
export function openKnownSessions(database: string): KnownSessions {
  let open: ReturnType<typeof openStatements> | undefined;
  const statements = () => {
    open ??= openStatements(database);
    return open;
  };
  return {
    of: (path) =>
      new Set(
        statements()
          .of.all(path)
          .map(({ session }) => String(session)),
      ),
    holderOf: (session, { path, source }) =>
      statements().holders.all(session, path, source).map(toFileRow).find(isUnchanged)?.path,
    [Symbol.dispose]: () => open?.db.close(),
  };
}

function isUnchanged({ path, facts }: FileRow): boolean {
  const found = look(path);
  return found.kind === 'file' && sameStat(found.stat, facts);
}

function openStatements(database: string) {
  const db = new DatabaseSync(database, { readOnly: true });
  return {
    db,
    of: db.prepare('SELECT session FROM sessions WHERE path = ?'),
    holders: db.prepare(
      `SELECT files.* FROM sessions JOIN files ON files.path = sessions.path
       WHERE session = ? AND files.path <> ? AND files.source = ? AND files.state = 'present' LIMIT 8`,
    ),
  };
}
