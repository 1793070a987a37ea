import type { Difference } from './api.ts';

/** What a path went through. `type`: something of another kind stands there; `metadata`: only mode, owner or time differ. */
export type Change = 'added' | 'removed' | 'changed' | 'type' | 'metadata';

/** Names a difference. */
export function changeOf({ before, after }: Difference): Change {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  if (before.kind !== after.kind) return 'type';
  const is_same = before.checksum === after.checksum && before.target === after.target;
  return is_same ? 'metadata' : 'changed';
}
