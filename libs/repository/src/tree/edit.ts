import { childId, type LoadNode } from './cursor.ts';
import { totalsOfEntry } from './entry-codec.ts';
import {
  type Boundary,
  type ChildRef,
  decodeChildRef,
  encodeChildRef,
  floorIndex,
  type TreeNode,
} from './node.ts';

/** What becomes of keys: a new value, or undefined where the key goes away. */
export type Edits = ReadonlyMap<string, Buffer | undefined>;

export interface TreeStore {
  readonly load: LoadNode;
  /** Stores a node; its id as bytes. `load` finds it from now on. */
  readonly save: (node: TreeNode) => Buffer;
  readonly boundary: Boundary;
}

interface FoundNode {
  readonly node: TreeNode;
  /** How its parent refers to it. */
  readonly ref: Buffer;
  readonly is_leftmost: boolean;
  /** First key that falls into the next node; undefined: there is none. */
  readonly until: string | undefined;
}

/**
 * The tree with the edits made: the very one that a build from scratch would give. Only nodes that hold an edited key
 * and those above them are read and written. `root` undefined is the empty tree.
 *
 * Every level is a sorted map that is cut into nodes where `boundary` says so, and the level above maps the first key
 * of each node to the node. So one rule serves all levels: merge the edits into the nodes that they fall into, cut
 * again, and hand the changed nodes upwards as edits.
 */
export async function editTree(
  store: TreeStore,
  root: ChildRef | undefined,
  edits: Edits,
): Promise<ChildRef> {
  const top = root === undefined ? undefined : await loadRoot(store, root);
  let pending = edits;
  let level = 0;
  do {
    pending = await editLevel(store, top, { level, edits: pending });
    if (pending.size === 0 && root !== undefined) return root;
    level += 1;
  } while (top !== undefined && level <= top.node.level);
  return raise(store, level, pending);
}

async function loadRoot(store: TreeStore, root: ChildRef): Promise<FoundNode> {
  const node = await store.load(root.id.toString('hex'));
  return { node, ref: encodeChildRef(root), is_leftmost: true, until: undefined };
}

/** Makes the edits of one level; what follows for the level above: first keys of nodes that changed or went away. */
async function editLevel(
  store: TreeStore,
  top: FoundNode | undefined,
  work: { level: number; edits: Edits },
): Promise<Map<string, Buffer | undefined>> {
  const affected = top === undefined ? [] : await findAffected(store, top, work);
  const above = new Map<string, Buffer | undefined>();
  for (const { node } of affected) {
    if (node.keys.length > 0) above.set(node.keys[0] as string, undefined);
  }
  for (const node of splitNodes(store.boundary, work.level, mergeItems(affected, work.edits))) {
    above.set(node.keys[0] as string, encodeChildRef(saveNode(store, node)));
  }
  const is_top = top === undefined || work.level === top.node.level;
  return is_top ? unlessSame(above, top) : withoutSame(above, affected);
}

/** The nodes of a level that the edits fall into, in order, each once. */
async function findAffected(
  store: TreeStore,
  top: FoundNode,
  work: { level: number; edits: Edits },
): Promise<FoundNode[]> {
  const found = new Map<string, FoundNode>();
  const keep = (node: FoundNode) => found.set(node.node.keys[0] ?? '', node);
  let holder: FoundNode | undefined;
  for (const key of [...work.edits.keys()].sort(byBytes)) {
    // Edits are close together: most fall into the node of the one before.
    if (holder === undefined || !reaches(holder, key)) {
      holder = await descend(store, top, { level: work.level, below: (keys) => floorIndex(keys, key) });
      keep(holder);
    }
    const first_goes =
      work.edits.get(key) === undefined && holder.node.keys[0] === key && !holder.is_leftmost;
    // Without its first key nothing says that a node begins here: what is left of it belongs to the one before.
    if (first_goes) {
      keep(await descend(store, top, { level: work.level, below: (keys) => belowIndex(keys, key) }));
    }
  }
  return [...found.keys()].sort(byBytes).map((key) => found.get(key) as FoundNode);
}

function reaches({ until }: FoundNode, key: string): boolean {
  return until === undefined || key < until;
}

async function descend(
  store: TreeStore,
  top: FoundNode,
  to: { level: number; below: (keys: readonly string[]) => number },
): Promise<FoundNode> {
  let at = top;
  while (at.node.level > to.level) {
    const index = Math.max(0, to.below(at.node.keys));
    const node = await store.load(childId(at.node, index));
    const ref = at.node.values[index] as Buffer;
    const until = at.node.keys[index + 1] ?? at.until;
    at = { node, ref, until, is_leftmost: at.is_leftmost && index === 0 };
  }
  return at;
}

function mergeItems(affected: readonly FoundNode[], edits: Edits): [string, Buffer][] {
  const items = new Map<string, Buffer>();
  for (const { node } of affected) {
    for (const [index, key] of node.keys.entries()) items.set(key, node.values[index] as Buffer);
  }
  for (const [key, value] of edits) {
    if (value === undefined) items.delete(key);
    else items.set(key, value);
  }
  return [...items].sort(([one], [other]) => byBytes(one, other));
}

function splitNodes(boundary: Boundary, level: number, items: readonly [string, Buffer][]): TreeNode[] {
  const nodes: { level: number; keys: string[]; values: Buffer[] }[] = [];
  for (const [key, value] of items) {
    let node = nodes.at(-1);
    if (node === undefined || boundary(key, level)) {
      node = { level, keys: [], values: [] };
      nodes.push(node);
    }
    node.keys.push(key);
    node.values.push(value);
  }
  return nodes;
}

/** Below the top a node that came out as it was is no edit for its parent. */
function withoutSame(above: Map<string, Buffer | undefined>, affected: readonly FoundNode[]) {
  for (const { node, ref } of affected) {
    const key = node.keys[0] ?? '';
    if (above.get(key)?.equals(ref)) above.delete(key);
  }
  return above;
}

/** At the top all nodes of the level must be handed on, unless the root came out as it was. */
function unlessSame(above: Map<string, Buffer | undefined>, top: FoundNode | undefined) {
  const [only, ...others] = puts(above);
  const is_same = top !== undefined && only !== undefined && others.length === 0 && only[1].equals(top.ref);
  return is_same ? new Map<string, Buffer>() : above;
}

/** Builds levels until one node holds all; the lowest such node is the root. */
async function raise(store: TreeStore, first_level: number, edits: Edits): Promise<ChildRef> {
  let items = puts(edits).sort(([one], [other]) => byBytes(one, other));
  if (items.length === 0) return saveNode(store, { level: 0, keys: [], values: [] });
  for (let level = first_level; items.length > 1; level += 1) {
    const nodes = splitNodes(store.boundary, level, items);
    items = nodes.map((node) => [node.keys[0] as string, encodeChildRef(saveNode(store, node))]);
  }
  let root = decodeChildRef((items[0] as [string, Buffer])[1]);
  for (;;) {
    const node = await store.load(root.id.toString('hex'));
    if (node.level === 0 || node.keys.length > 1) return root;
    root = decodeChildRef(node.values[0] as Buffer);
  }
}

function saveNode(store: TreeStore, node: TreeNode): ChildRef {
  let files = 0;
  let bytes = 0;
  for (const value of node.values) {
    const totals = node.level === 0 ? totalsOfEntry(value) : decodeChildRef(value);
    files += totals.files;
    bytes += totals.bytes;
  }
  return { id: store.save(node), files, bytes };
}

function puts(edits: Edits): [string, Buffer][] {
  return [...edits].filter((edit): edit is [string, Buffer] => edit[1] !== undefined);
}

/** Index of the last key below `key`; -1 where there is none. */
function belowIndex(keys: readonly string[], key: string): number {
  const at = floorIndex(keys, key);
  return keys[at] === key ? at - 1 : at;
}

function byBytes(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
