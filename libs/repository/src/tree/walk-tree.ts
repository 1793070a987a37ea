import type { LoadNode } from './cursor.ts';
import { decodeEntry, type StoredEntry } from './entry-codec.ts';
import { decodeChildRef, type Totals } from './node.ts';

/** What a walk over a whole tree does. */
export interface TreeVisitor {
  readonly load: LoadNode;
  /** Called with each node (hex) and its totals (but for the root) before it is loaded; false: it and all below is known. */
  enter(id: string, below?: Totals): boolean;
  /** Called with each entry, in order of keys. */
  entry(key: string, entry: StoredEntry): Promise<void> | undefined;
}

/** Visits a tree node by node, in order of keys; rejects where a node cannot be had. */
export async function walkTree(root: string, visitor: TreeVisitor): Promise<void> {
  if (visitor.enter(root)) await walkNode(root, visitor);
}

async function walkNode(id: string, visitor: TreeVisitor): Promise<void> {
  const node = await visitor.load(id);
  for (const [index, key] of node.keys.entries()) {
    const value = node.values[index] as Buffer;
    if (node.level === 0) {
      await visitor.entry(key, decodeEntry(value));
      continue;
    }
    const child = decodeChildRef(value);
    const child_id = child.id.toString('hex');
    if (visitor.enter(child_id, child)) await walkNode(child_id, visitor);
  }
}
