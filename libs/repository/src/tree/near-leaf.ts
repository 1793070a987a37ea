import { afterSubtree } from '../paths.ts';
import { childId, type LoadNode, type TreeItem } from './cursor.ts';
import { floorIndex, type TreeNode } from './node.ts';

interface Leaf {
  readonly node: TreeNode;
  /** First key that it does not tell of; '' and undefined: there is no bound. */
  readonly from: string;
  readonly until: string | undefined;
}

/** Finds small subtrees of one tree that are asked for about in order: most are in the leaf of the one before. */
export class NearLeaf {
  readonly #load: LoadNode;
  readonly #root: string;
  #leaf: Leaf | undefined;

  constructor(load: LoadNode, root: string) {
    this.#load = load;
    this.#root = root;
  }

  /** What stands at a path and below it, in order; undefined where that is in more leaves than one. */
  async subtree(key: string): Promise<TreeItem[] | undefined> {
    const leaf = this.#leaf !== undefined && tellsOf(this.#leaf, key) ? this.#leaf : await this.#descend(key);
    this.#leaf = leaf;
    const end = afterSubtree(key);
    const is_whole = leaf.until === undefined || (end !== undefined && end <= leaf.until);
    return is_whole ? itemsBetween(leaf.node, { from: key, until: end }) : undefined;
  }

  async #descend(key: string): Promise<Leaf> {
    let leaf: Leaf = { node: await this.#load(this.#root), from: '', until: undefined };
    while (leaf.node.level > 0) {
      const { node, from, until } = leaf;
      const at = Math.max(0, floorIndex(node.keys, key));
      leaf = {
        node: await this.#load(childId(node, at)),
        from: at === 0 ? from : (node.keys[at] as string),
        until: node.keys[at + 1] ?? until,
      };
    }
    return leaf;
  }
}

function tellsOf({ from, until }: Leaf, key: string): boolean {
  return key >= from && (until === undefined || key < until);
}

function itemsBetween(node: TreeNode, range: { from: string; until: string | undefined }): TreeItem[] {
  const items: TreeItem[] = [];
  const floor = floorIndex(node.keys, range.from);
  for (let at = node.keys[floor] === range.from ? floor : floor + 1; at < node.keys.length; at += 1) {
    const key = node.keys[at] as string;
    if (range.until !== undefined && key >= range.until) break;
    items.push({ key, value: node.values[at] as Buffer });
  }
  return items;
}
