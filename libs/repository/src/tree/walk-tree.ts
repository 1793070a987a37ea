import { childId, type LoadNode } from './cursor.ts';
import { decodeEntry, type StoredEntry } from './entry-codec.ts';

/** What a walk over a whole tree does. */
export interface TreeVisitor {
  readonly load: LoadNode;
  /** Called with each node (hex) before it is loaded; false: it and all below it is known. */
  enter(id: string): boolean;
  /** Called with each entry, in order of keys. */
  entry(key: string, entry: StoredEntry): Promise<void> | undefined;
}

/** Visits a tree node by node, in order of keys; rejects where a node cannot be had. */
export async function walkTree(root: string, visitor: TreeVisitor): Promise<void> {
  if (!visitor.enter(root)) return;
  const node = await visitor.load(root);
  for (const [index, key] of node.keys.entries()) {
    if (node.level > 0) await walkTree(childId(node, index), visitor);
    else await visitor.entry(key, decodeEntry(node.values[index] as Buffer));
  }
}
