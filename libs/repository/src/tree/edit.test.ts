import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findValue, leavesFrom } from './cursor.ts';
import { diffTrees } from './diff.ts';
import { type Edits, editTree, type TreeStore } from './edit.ts';
import { encodeEntry } from './entry-codec.ts';
import { type ChildRef, createBoundary, decodeNode, encodeNode } from './node.ts';
import { TreeBuilder } from './tree-builder.ts';

/** A store in memory; small nodes, so that a few keys make several levels. */
function memoryTreeStore(): TreeStore & { saved: Set<string> } {
  const nodes = new Map<string, Buffer>();
  const saved = new Set<string>();
  return {
    saved,
    boundary: createBoundary(Buffer.alloc(32, 7), 4),
    async load(id) {
      return decodeNode(nodes.get(id) as Buffer);
    },
    save(node) {
      const data = encodeNode(node);
      const id = hash('sha256', data, 'buffer');
      nodes.set(id.toString('hex'), data);
      saved.add(id.toString('hex'));
      return id;
    },
  };
}

function entryOf(size: number): Buffer {
  return encodeEntry({
    kind: 'file',
    size,
    mode: 0o644,
    uid: 1,
    gid: 2,
    mtime_ns: BigInt(size) * -1_000_000_007n,
    digest: Buffer.alloc(32, size),
    is_list: false,
    ids: Buffer.alloc(32, size),
  });
}

const keys = fc.stringMatching(/^[a-c]{1,3}(\/[a-c]{1,2}){0,2}$/).map((path) => path.replaceAll('/', '\0'));
const edits = fc.array(fc.tuple(keys, fc.option(fc.nat(255), { nil: undefined })), { maxLength: 40 });

const asEdits = (list: readonly (readonly [string, number | undefined])[]): Edits =>
  new Map(list.map(([key, size]) => [key, size === undefined ? undefined : entryOf(size)]));

describe('a tree that is edited', () => {
  test('is the tree that a build from scratch gives, and finds what it holds', async () => {
    const property = fc.asyncProperty(fc.array(edits, { minLength: 1, maxLength: 6 }), async (rounds) => {
      const store = memoryTreeStore();
      const expected = new Map<string, Buffer>();
      let root: ChildRef | undefined;
      for (const round of rounds) {
        const changes = asEdits(round);
        root = await editTree(store, root, changes);
        applyTo(expected, changes);
        const built = await editTree(memoryTreeStore(), undefined, expected);
        expect(root).toEqual(built);
        expect(root).toEqual(buildInOrder(expected));
      }
      const found = await itemsOf(store, root as ChildRef);
      expect(found).toEqual([...expected].sort(([one], [other]) => (one < other ? -1 : 1)));
      for (const [key, value] of expected) {
        const got = await findValue(store.load, (root as ChildRef).id.toString('hex'), key);
        expect(got?.equals(value)).toBe(true);
      }
    });
    await fc.assert(property, { numRuns: 100, verbose: 1 });
  });

  test('differs from another exactly where the keys differ', async () => {
    const property = fc.asyncProperty(edits, edits, async (first, second) => {
      const store = memoryTreeStore();
      const before = await editTree(store, undefined, asEdits(first));
      const after = await editTree(store, before, asEdits(second));
      const found = new Map<string, [Buffer | undefined, Buffer | undefined]>();
      for await (const { key, before: one, after: other } of diffTrees(store.load, hexOf(before, after))) {
        found.set(key, [one, other]);
      }
      const old = asEdits(first.filter(([key]) => lastOf(first, key) !== undefined));
      const changed = [...asEdits(second)].filter(([key, value]) => !same(old.get(key), value));
      expect([...found.keys()].sort()).toEqual(changed.map(([key]) => key).sort());
    });
    await fc.assert(property, { numRuns: 100, verbose: 1 });
  });

  test('gone on with behind any key, the tree before elsewhere, it finds the rest', async () => {
    const property = fc.asyncProperty(edits, edits, fc.nat(), async (first, second, luck) => {
      const [old, now] = [memoryTreeStore(), memoryTreeStore()];
      const before = await editTree(old, undefined, asEdits(first));
      const after = await editTree(now, undefined, asEdits(second));
      const terms = { loadBefore: old.load };
      const all = await Array.fromAsync(diffTrees(now.load, hexOf(before, after), terms));
      const keys = [...asEdits(first).keys(), ...asEdits(second).keys()];
      const behind = keys[luck % keys.length] ?? '';
      const rest = await Array.fromAsync(diffTrees(now.load, hexOf(before, after), { ...terms, behind }));
      expect(rest).toEqual(all.filter(({ key }) => key > behind));
    });
    await fc.assert(property, { numRuns: 200, verbose: 1 });
  });

  test('writes a few nodes for one change among many', async () => {
    const store = { ...memoryTreeStore(), boundary: createBoundary(Buffer.alloc(32, 7)) };
    const all = new Map(Array.from({ length: 20_000 }, (_, n) => [`srv\0data\0file-${n}`, entryOf(n % 256)]));
    const root = await editTree(store, undefined, all);
    store.saved.clear();
    const edited = await editTree(store, root, new Map([['srv\0data\0file-777', entryOf(1)]]));
    expect(store.saved.size).toBeLessThanOrEqual(5);
    expect(edited.files).toBe(20_000);
    expect(
      await editTree(store, root, new Map([['srv\0data\0file-777', all.get('srv\0data\0file-777')]])),
    ).toEqual(root);
  });
});

const hexOf = (...roots: [ChildRef, ChildRef]) =>
  roots.map(({ id }) => id.toString('hex')) as [string, string];

function buildInOrder(items: ReadonlyMap<string, Buffer>): ChildRef {
  const { boundary, save } = memoryTreeStore();
  const builder = new TreeBuilder(boundary, save);
  for (const [key, value] of [...items].sort(([one], [other]) => (one < other ? -1 : 1)))
    builder.add(key, value);
  return builder.finish();
}

async function itemsOf(store: TreeStore, root: ChildRef): Promise<[string, Buffer][]> {
  const found: [string, Buffer][] = [];
  for await (const leaf of leavesFrom(store.load, root.id.toString('hex'))) {
    found.push(...leaf.map(({ key, value }): [string, Buffer] => [key, Buffer.from(value)]));
  }
  return found;
}

function applyTo(map: Map<string, Buffer>, changes: Edits): void {
  for (const [key, value] of changes) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}

const lastOf = (list: readonly (readonly [string, number | undefined])[], key: string) =>
  list.filter(([other]) => other === key).at(-1)?.[1];

const same = (one: Buffer | undefined, other: Buffer | undefined) =>
  one === undefined || other === undefined ? one === other : one.equals(other);
