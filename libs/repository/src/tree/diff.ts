import { childId, type LoadNode, type TreeItem } from './cursor.ts';
import { floorIndex, type TreeNode } from './node.ts';

/** One key that differs: the value before and after, undefined where it was not there. */
export interface TreeDifference {
  readonly key: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

/** How two trees are compared. */
interface DiffTerms {
  /** Only keys that come after it. What comes before costs one node load a level. */
  readonly behind?: string | undefined;
  /** Gives the nodes of the tree before, where they are elsewhere; equal ids are equal nodes there too. */
  readonly loadBefore?: LoadNode | undefined;
}

/** What differs between two trees, in order of keys. Subtrees that are the same node are never loaded. */
export async function* diffTrees(
  load: LoadNode,
  [before, after]: readonly [string, string],
  { behind, loadBefore = load }: DiffTerms = {},
): AsyncGenerator<TreeDifference> {
  if (before === after) return;
  const one = new TreeWalk(loadBefore, before, behind);
  const other = new TreeWalk(load, after, behind);
  await one.start();
  await other.start();
  for (;;) {
    await skipSame(one, other);
    const pair = pairUp(one.item(), other.item());
    if (pair === undefined) return;
    const { key, before: old_value, after: new_value } = pair;
    const is_same = old_value !== undefined && new_value?.equals(old_value);
    if (!is_same) yield pair;
    if (one.item()?.key === key) await one.next();
    if (other.item()?.key === key) await other.next();
  }
}

/** The lower of two items, or both where they have the same key. */
function pairUp(left: TreeItem | undefined, right: TreeItem | undefined): TreeDifference | undefined {
  if (left === undefined && right === undefined) return undefined;
  if (right === undefined || (left !== undefined && left.key < right.key)) {
    return { key: (left as TreeItem).key, before: left?.value, after: undefined };
  }
  return { key: right.key, before: left?.key === right.key ? left.value : undefined, after: right.value };
}

/** Passes over the largest node that both stand at the start of, as long as there is one. */
async function skipSame(one: TreeWalk, other: TreeWalk): Promise<void> {
  for (;;) {
    const ids = new Set(other.startingNodes());
    const same = one.startingNodes().find((id) => ids.has(id));
    if (same === undefined) return;
    await one.skip(same);
    await other.skip(same);
  }
}

interface Step {
  readonly id: string;
  readonly node: TreeNode;
  at: number;
}

/** A place in a tree: the path of nodes from the root to a leaf. */
class TreeWalk {
  readonly #load: LoadNode;
  readonly #root: string;
  readonly #behind: string | undefined;
  #steps: Step[] = [];

  constructor(load: LoadNode, root: string, behind: string | undefined) {
    this.#load = load;
    this.#root = root;
    this.#behind = behind;
  }

  async start(): Promise<void> {
    await this.#down(this.#root);
    await this.#settle();
  }

  item(): TreeItem | undefined {
    const leaf = this.#steps.at(-1);
    if (leaf === undefined) return undefined;
    return { key: leaf.node.keys[leaf.at] as string, value: leaf.node.values[leaf.at] as Buffer };
  }

  async next(): Promise<void> {
    const leaf = this.#steps.at(-1);
    if (leaf !== undefined) leaf.at += 1;
    await this.#settle();
  }

  /** Ids of the nodes whose first item is the present one, largest first. */
  startingNodes(): string[] {
    let first = this.#steps.length;
    while (first > 0 && this.#steps[first - 1]?.at === 0) first -= 1;
    return this.#steps.slice(first).map(({ id }) => id);
  }

  /** Goes on behind a node of startingNodes(). */
  async skip(id: string): Promise<void> {
    this.#steps.length = this.#steps.findIndex((step) => step.id === id);
    const parent = this.#steps.at(-1);
    if (parent !== undefined) parent.at += 1;
    await this.#settle();
  }

  /** Climbs out of nodes that are done and goes down to the next item. */
  async #settle(): Promise<void> {
    for (let step = this.#steps.at(-1); step !== undefined; step = this.#steps.at(-1)) {
      if (step.at < step.node.keys.length) {
        if (step.node.level === 0) return;
        await this.#down(childId(step.node, step.at));
      } else {
        this.#steps.pop();
        const parent = this.#steps.at(-1);
        if (parent !== undefined) parent.at += 1;
      }
    }
  }

  async #down(id: string): Promise<void> {
    const node = await this.#load(id);
    this.#steps.push({ id, node, at: this.#firstOf(node) });
  }

  /** Of what is wanted: it may lie in the child whose first key comes before, and is not an item that does. */
  #firstOf({ keys, level }: TreeNode): number {
    if (this.#behind === undefined) return 0;
    const at = floorIndex(keys, this.#behind);
    return level === 0 ? at + 1 : Math.max(0, at);
  }
}
