import { setImmediate } from 'node:timers/promises';
import type { BackupState } from './state.ts';

const AT_ONCE = 200;

/** How items are marked, both inside `write`. */
interface Marking<Item> {
  /** True where what was decided on these is still right. */
  readonly holds: (some: readonly Item[]) => boolean;
  readonly mark: (item: Item) => void;
}

/** Marks items in short transactions. False where a decision does not hold any more: those that are marked stay marked. */
export async function markAll<Item>(
  { write }: Pick<BackupState, 'write'>,
  items: readonly Item[],
  { holds, mark }: Marking<Item>,
): Promise<boolean> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const some = items.slice(start, start + AT_ONCE);
    const is_done = write(() => {
      if (!holds(some)) return false;
      for (const item of some) mark(item);
      return true;
    });
    if (!is_done) return false;
    await setImmediate();
  }
  return true;
}
