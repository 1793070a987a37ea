import type { Difference } from '../api.ts';

/** `type`: another kind of file stands there; `metadata`: only mode, owner, times or attributes differ. */
export type Change = 'added' | 'removed' | 'changed' | 'type' | 'metadata';

/** What a path went through. */
export function changeOf({ before, after }: Pick<Difference, 'before' | 'after'>): Change {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  if (before.kind !== after.kind) return 'type';
  const is_same = before.checksum === after.checksum && before.target === after.target;
  return is_same ? 'metadata' : 'changed';
}
