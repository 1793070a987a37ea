import type { DatabaseSync } from 'node:sqlite';
import type { ScrubRound } from '../domain/scrub/scrub-round.ts';

/** How far the reading of everything has come: durable, so that a restart goes on from there. */
export interface ScrubProgress {
  load(): ScrubRound | undefined;
  save(round: ScrubRound): void;
}

/** Over the registry's database. */
export function createScrubProgress(db: DatabaseSync): ScrubProgress {
  const load = db.prepare('SELECT * FROM scrub');
  const save = db.prepare('INSERT OR REPLACE INTO scrub VALUES (1, ?, ?, ?, ?, ?, ?)');
  return {
    load: () => {
      const found = load.get();
      if (found === undefined) return undefined;
      const timeOrNull = (name: string) => (found[name] === null ? null : Number(found[name]));
      return {
        started_ms: Number(found['started_ms']),
        completed_ms: timeOrNull('completed_ms'),
        last_completed_ms: timeOrNull('last_completed_ms'),
        cursor: String(found['cursor']),
        files: Number(found['files']),
        bytes: Number(found['bytes']),
      };
    },
    save: ({ started_ms, completed_ms, last_completed_ms, cursor, files, bytes }) =>
      void save.run(started_ms, completed_ms, last_completed_ms, cursor, files, bytes),
  };
}
