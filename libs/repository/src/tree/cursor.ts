import { afterSubtree } from '../paths.ts';
import { decodeChildRef, floorIndex, type TreeNode } from './node.ts';

const AHEAD = 16;

/** Gives a decoded node by the hex id of its chunk. */
export type LoadNode = (id: string) => Promise<TreeNode>;

/** One path of a tree: its key and its encoded entry. */
export interface TreeItem {
  readonly key: string;
  readonly value: Buffer;
}

/** The encoded entry of one key: one node load a level. */
export async function findValue(load: LoadNode, root: string, key: string): Promise<Buffer | undefined> {
  let node = await load(root);
  while (node.level > 0) {
    const at = floorIndex(node.keys, key);
    if (at < 0) return undefined;
    node = await load(childId(node, at));
  }
  const at = floorIndex(node.keys, key);
  return node.keys[at] === key ? node.values[at] : undefined;
}

/** The items from a key on (default: all), in order, leaf by leaf; `until` is left out. */
export async function* leavesFrom(
  load: LoadNode,
  root: string,
  range: { from?: string | undefined; until?: string | undefined } = {},
): AsyncGenerator<TreeItem[]> {
  const from = range.from ?? '';
  const node = await load(root);
  if (node.level === 0) {
    const items = node.keys.map((key, index) => ({ key, value: node.values[index] as Buffer }));
    const wanted = items.filter(({ key }) => key >= from && (range.until === undefined || key < range.until));
    if (wanted.length > 0) yield wanted;
    return;
  }
  const first = Math.max(0, floorIndex(node.keys, from));
  const last = range.until === undefined ? node.keys.length - 1 : floorIndex(node.keys, range.until);
  for (let at = first; at <= last; at += 1) {
    // What comes next is on its way while this leaf is worked off.
    if (node.level === 1 && (at - first) % AHEAD === 0) loadAhead(load, node, { from: at + 1, last });
    yield* leavesFrom(load, childId(node, at), range);
  }
}

function loadAhead(load: LoadNode, node: TreeNode, { from, last }: { from: number; last: number }): void {
  for (let at = from; at <= Math.min(last, from + AHEAD); at += 1) {
    // A failure is told to whoever comes to that leaf.
    load(childId(node, at)).catch(() => undefined);
  }
}

/** A folder itself and all below it, in order, leaf by leaf. */
export function subtreeLeaves(load: LoadNode, root: string, folder: string): AsyncGenerator<TreeItem[]> {
  return leavesFrom(load, root, { from: folder, until: afterSubtree(folder) });
}

/** Hex id of the child at this place of a node above the leaves. */
export function childId(node: TreeNode, at: number): string {
  return decodeChildRef(node.values[at] as Buffer).id.toString('hex');
}
