import { expect, test } from '@jest/globals';
import { openBackupDatabase } from '../database.ts';
import { groupMembers } from './snapshot-groups.ts';

test('the members of a group are found by an index, by source; what was removed is none, nor is another group', () => {
  using db = openBackupDatabase(':memory:');
  const insert = db.prepare(
    `INSERT INTO backups (backup_id, snapshot_id, source, backup_type, time_ms, size, manifest, tier, deleted_ms)
     VALUES (?, ?, ?, 'snapshot', 1, 1, ?, 'hot', ?)`,
  );
  const group = 'snapshot_20260715_003000';
  const put = (id: string, group_id: string, deleted_ms: number | null) =>
    insert.run(id, id, `source-${id}`, JSON.stringify({ backup_id: id, moment: { group_id } }), deleted_ms);
  put('b', group, null);
  put('a', group, null);
  put('gone', group, 2);
  put('other', `${group}_2`, null);
  expect(groupMembers(db, group).map(({ backup_id }) => backup_id)).toEqual(['a', 'b']);
  expect(groupMembers(db, 'backup_1')).toEqual([]);
  const indexes = db.prepare("SELECT name FROM sqlite_schema WHERE name = 'backups_of_group'").all();
  expect(indexes).toHaveLength(1);
});
