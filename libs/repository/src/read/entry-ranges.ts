import { isWithin, parentKey, pathToKey } from '../paths.ts';
import { findValue, type LoadNode, subtreeLeaves, type TreeItem } from '../tree/cursor.ts';
import { decodeEntry, type StoredEntry } from '../tree/entry-codec.ts';

/** One path of a tree. */
export interface KeyedEntry {
  readonly key: string;
  readonly entry: StoredEntry;
  /** It lies above what was asked for, and comes because it leads there. */
  readonly leads: boolean;
}

/**
 * The folders and files that are asked for, each with all below it, in order; before each come the folders above it
 * that are below `base`. Costs what is in them, however large the tree is.
 */
export async function* entriesWithin(
  load: LoadNode,
  root: string,
  where: { base: string; within?: readonly string[] | undefined },
): AsyncGenerator<readonly KeyedEntry[]> {
  for (const start of startsOf(where)) {
    const above = await entriesAbove(load, root, { key: start, base: where.base });
    if (above.length > 0) yield above;
    for await (const leaf of subtreeLeaves(load, root, start)) yield leaf.map(decodeItem);
  }
}

/** Keys of what is asked for: none within another one, none outside of the base. */
function startsOf({ base, within }: { base: string; within?: readonly string[] | undefined }): string[] {
  if (within === undefined) return [base];
  const starts: string[] = [];
  for (const key of within.map(pathToKey).sort()) {
    const start = isWithin(base, key) ? base : key;
    const is_new = !starts.some((one) => isWithin(start, one));
    if (is_new && isWithin(start, base)) starts.push(start);
  }
  return starts;
}

async function entriesAbove(
  load: LoadNode,
  root: string,
  { key, base }: { key: string; base: string },
): Promise<KeyedEntry[]> {
  const above: KeyedEntry[] = [];
  for (
    let folder = parentKey(key);
    folder !== undefined && isWithin(folder, base);
    folder = parentKey(folder)
  ) {
    const value = await findValue(load, root, folder);
    if (value !== undefined) above.unshift({ key: folder, entry: decodeEntry(value), leads: true });
    if (folder === '') break;
  }
  return above;
}

function decodeItem({ key, value }: TreeItem): KeyedEntry {
  return { key, entry: decodeEntry(value), leads: false };
}
