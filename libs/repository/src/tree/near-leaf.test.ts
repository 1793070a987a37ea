import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { subtreeLeaves } from './cursor.ts';
import { encodeEntry } from './entry-codec.ts';
import { NearLeaf } from './near-leaf.ts';
import { createBoundary, type TreeNode } from './node.ts';
import { TreeBuilder } from './tree-builder.ts';

const ENTRY = encodeEntry({
  kind: 'file',
  size: 1,
  mode: 0o644,
  uid: 1,
  gid: 2,
  mtime_ns: 1n,
  digest: Buffer.alloc(32),
  is_list: false,
  ids: Buffer.alloc(32),
});

/** Small nodes: a few keys make several levels. */
function treeOf(keys: Iterable<string>) {
  const nodes = new Map<string, TreeNode>();
  const builder = new TreeBuilder(createBoundary(Buffer.alloc(32, 7), 4), (node) => {
    const id = Buffer.alloc(32, 0);
    id.writeUInt32LE(nodes.size);
    nodes.set(id.toString('hex'), node);
    return id;
  });
  for (const key of [...new Set(keys)].sort()) builder.add(key, ENTRY);
  let loads = 0;
  const load = async (id: string) => {
    loads += 1;
    return nodes.get(id) as TreeNode;
  };
  return { load, root: builder.finish().id.toString('hex'), loads: () => loads };
}

const key = fc.stringMatching(/^[a-c]{1,3}(\/[a-c]{1,2}){0,2}$/).map((path) => path.replaceAll('/', '\0'));

test('a subtree that is found near is the one that a search finds, whatever was asked before', async () => {
  let in_one = 0;
  const property = fc.asyncProperty(
    fc.array(key, { maxLength: 60 }),
    fc.array(key, { minLength: 1, maxLength: 30 }),
    async (keys, asked) => {
      const { load, root } = treeOf(keys);
      const near = new NearLeaf(load, root);
      for (const folder of asked) {
        const found = await near.subtree(folder);
        if (found === undefined) continue;
        in_one += 1;
        expect(found).toEqual((await Array.fromAsync(subtreeLeaves(load, root, folder))).flat());
      }
    },
  );
  await fc.assert(property, { numRuns: 200 });
  expect(in_one).toBeGreaterThan(1_000);
});

test('what is asked for in order loads each leaf about once', async () => {
  const keys = Array.from({ length: 1_000 }, (_, n) => `folder\0${10_000 + n}`);
  const { load, root, loads } = treeOf(keys);
  const near = new NearLeaf(load, root);
  let many = 0;
  for (const one of keys) if ((await near.subtree(one)) === undefined) many += 1;
  // A leaf holds about 4 keys, and of its last one it does not tell whether that has anything below it.
  expect(many).toBeLessThan(350);
  expect(loads()).toBeLessThan(2_500);
});
