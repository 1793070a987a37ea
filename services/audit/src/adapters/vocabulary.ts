import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '@holdfast/contracts/errors';

/** Words that were written lately need not be asked of the disk again. */
const REMEMBERED = 50_000;
/** A beginning that so many words share says too little. */
const MEANT_MAX = 100;
const AFTER_ALL = '\u{10FFFF}';

/** Keeps every word of the log once, so that a beginning can be looked up as the words that it may mean. */
export interface Vocabulary {
  /** Within the caller's transaction. */
  learn(words: readonly string[]): void;
  /** What was learnt since the last commit is not on the disk. */
  forget(): void;
}

export function createVocabulary(db: DatabaseSync): Vocabulary {
  const insert = db.prepare('INSERT OR IGNORE INTO vocabulary VALUES (?)');
  const known = new Set<string>();
  return {
    learn: (words) => {
      if (known.size > REMEMBERED) known.clear();
      for (const word of words) {
        if (known.has(word)) continue;
        insert.run(word);
        known.add(word);
      }
    },
    forget: () => known.clear(),
  };
}

/**
 * Words, and beginnings with `*`, in the language of FTS5. Beginnings are spelled out as words, because FTS5 would
 * gather every event that has one before it gives the first. `bad_request` where that is too many.
 */
export function wordsMatch(db: DatabaseSync, words: readonly string[]): string {
  return words
    .map((word) => (word.endsWith('*') ? anyOf(meant(db, word.slice(0, -1))) : `"${word}"`))
    .join(' AND ');
}

// The empty word is in no event.
const anyOf = (words: readonly string[]) =>
  words.length === 0 ? '""' : `(${words.map((word) => `"${word}"`).join(' OR ')})`;

function meant(db: DatabaseSync, beginning: string): string[] {
  const rows = db
    .prepare('SELECT word FROM vocabulary WHERE word >= ? AND word < ? LIMIT ?')
    .all(beginning, beginning + AFTER_ALL, MEANT_MAX + 1);
  if (rows.length <= MEANT_MAX) return rows.map((row) => row['word'] as string);
  throw new HoldfastError(
    'bad_request',
    `q: more than ${MEANT_MAX} words begin with ${beginning}: write more of it`,
  );
}
