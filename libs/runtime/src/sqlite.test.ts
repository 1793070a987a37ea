import { join } from 'node:path';
import { tempDir } from '@holdfast/testkit/temp-dir';
import { expect, test } from '@jest/globals';
import { openDatabase, transaction } from './sqlite.ts';

const NOTES = ['CREATE TABLE note (text TEXT NOT NULL)'];

test('a transaction that finds no room says storage_full and leaves nothing; with room the next one stands', () => {
  using folder = tempDir();
  const db = openDatabase(join(folder.path, 'notes.sqlite'), NOTES);
  const add = (text: string) =>
    transaction(db, () => db.prepare('INSERT INTO note (text) VALUES (?)').run(text));
  add('first');
  db.exec('PRAGMA max_page_count = 3');
  expect(() => add('x'.repeat(100_000))).toThrow(
    expect.objectContaining({ code: 'storage_full', message: expect.stringContaining('notes.sqlite') }),
  );
  db.exec('PRAGMA max_page_count = 1000');
  add('second');
  expect(db.prepare('SELECT text FROM note').all()).toEqual([{ text: 'first' }, { text: 'second' }]);
  db.close();
});
