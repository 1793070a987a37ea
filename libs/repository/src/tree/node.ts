import { ByteReader, ByteWriter } from '../bytes.ts';
import { ID_BYTES } from '../crypto/keys.ts';
import { damaged } from '../errors.ts';

/**
 * A node of a snapshot's tree: items in order of their keys. In a leaf (level 0) an item is a path and its entry;
 * above, it is the first key of a child and a reference to it.
 */
export interface TreeNode {
  readonly level: number;
  readonly keys: readonly string[];
  readonly values: readonly Buffer[];
}

/** How much lies below: files and their bytes. */
export interface Totals {
  readonly files: number;
  readonly bytes: number;
}

/** The value of an item above the leaves. */
export interface ChildRef extends Totals {
  readonly id: Buffer;
}

/** One in so many keys begins a new node. */
const ITEMS_AVERAGE = 64;

export type Boundary = (key: string, level: number) => boolean;

/**
 * Says which keys begin a new node. It depends on the key, the level and the repository's seed alone: the shape of a
 * tree follows from the set of its keys, whatever the order of edits that led to it.
 */
export function createBoundary(seed: Buffer, items_average = ITEMS_AVERAGE): Boundary {
  const start = seed.readInt32LE(0);
  const step = seed.readInt32LE(4);
  return (key, level) => {
    let state = (start + Math.imul(level, step)) | 0;
    for (let index = 0; index < key.length; index += 1) {
      state = Math.imul(state ^ key.charCodeAt(index), 0x5bd1_e995);
      state ^= state >>> 15;
    }
    state = Math.imul(state ^ step, 0x2c1b_3c6d);
    return ((state ^ (state >>> 13)) >>> 0) % items_average === 0;
  };
}

/** A node as a chunk holds it: keys share their prefix with the one before. */
export function encodeNode(node: TreeNode): Buffer {
  const writer = new ByteWriter(16 * 1024).u8(node.level).varint(node.keys.length);
  let previous = '';
  for (const [index, key] of node.keys.entries()) {
    const shared = sharedPrefix(previous, key);
    writer
      .varint(shared)
      .latin1(key, shared)
      .bytes(node.values[index] as Buffer);
    previous = key;
  }
  return writer.finish();
}

/** Throws `repo_damaged` for bytes that are no node. */
export function decodeNode(data: Buffer): TreeNode {
  const reader = new ByteReader(data);
  try {
    const level = reader.u8();
    const count = reader.varint();
    const keys: string[] = [];
    const values: Buffer[] = [];
    let previous = '';
    for (let index = 0; index < count; index += 1) {
      const shared = reader.varint();
      previous = previous.slice(0, shared) + reader.latin1();
      keys.push(previous);
      values.push(reader.bytes());
    }
    return { level, keys, values };
  } catch (error) {
    throw damaged('a node of the tree does not decode', error);
  }
}

/** What an inner node says of a child: its id, and the files and bytes below it. */
export function encodeChildRef(ref: ChildRef): Buffer {
  return new ByteWriter(64).raw(ref.id).varint(ref.files).varint(ref.bytes).finish();
}

/** The same, read back. */
export function decodeChildRef(value: Buffer): ChildRef {
  const reader = new ByteReader(value);
  return { id: reader.raw(ID_BYTES), files: reader.varint(), bytes: reader.varint() };
}

/** Index of the last key that is not above `key`; -1 where all are above. */
export function floorIndex(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function sharedPrefix(one: string, other: string): number {
  const limit = Math.min(one.length, other.length);
  let length = 0;
  while (length < limit && one.charCodeAt(length) === other.charCodeAt(length)) length += 1;
  return length;
}
