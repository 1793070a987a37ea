import type { Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, reasonOf } from '../errors.ts';
import { keyToPath } from '../paths.ts';
import { expand } from '../read/entries.ts';
import { Slice } from '../slice.ts';
import { childId } from '../tree/cursor.ts';
import type { TreeNode } from '../tree/node.ts';
import type { Findings } from './findings.ts';

/** Every node and every chunk that the snapshots reach can be had; a node below which all is well is looked at once. */
export class TreeCheck {
  readonly #engine: Engine;
  readonly #findings: Findings;
  readonly #sound = new Set<string>();
  readonly #slice = new Slice();

  constructor(engine: Engine, findings: Findings) {
    this.#engine = engine;
    this.#findings = findings;
  }

  async check(snapshot: Snapshot): Promise<void> {
    await this.#checkNode(snapshot, { id: snapshot.tree, first_key: '' });
  }

  /** True where all below is well. */
  async #checkNode(snapshot: Snapshot, at: { id: string; first_key: string }): Promise<boolean> {
    if (this.#sound.has(at.id)) return true;
    const reach = { snapshot_id: snapshot.id, path: keyToPath(at.first_key) };
    const node = this.#isThere(at.id, reach) ? await this.#load(at.id, reach) : undefined;
    if (node === undefined) return false;
    let is_sound = true;
    for (const index of node.keys.keys()) {
      const is_well =
        node.level > 0
          ? await this.#checkNode(snapshot, { id: childId(node, index), first_key: node.keys[index] ?? '' })
          : await this.#checkEntry(snapshot, node, index);
      is_sound &&= is_well;
    }
    if (is_sound) this.#sound.add(at.id);
    await this.#slice.rest();
    return is_sound;
  }

  async #checkEntry(snapshot: Snapshot, node: TreeNode, index: number): Promise<boolean> {
    const key = node.keys[index] as string;
    const reach = { snapshot_id: snapshot.id, path: keyToPath(key) };
    try {
      const entry = await expand(this.#engine, key, node.values[index] as Buffer);
      const well = entry.chunks.map((id) => this.#isThere(id, reach));
      return well.every(Boolean);
    } catch (error) {
      if (!isRepositoryError(error)) throw error;
      this.#blame(`entry ${reach.path}`, { problem: reasonOf(error), reach });
      return false;
    }
  }

  async #load(id: string, reach: { snapshot_id: string; path: string }): Promise<TreeNode | undefined> {
    try {
      return await this.#engine.nodes.load(id);
    } catch (error) {
      if (!isRepositoryError(error)) throw error;
      const [place] = this.#engine.index.lookup.locate(Buffer.from(id, 'hex'));
      const object = place === undefined ? `chunk ${id}` : `packs/${place.pack.slice(0, 2)}/${place.pack}`;
      this.#blame(object, { problem: `a node of the tree: ${reasonOf(error)}`, reach });
      return undefined;
    }
  }

  #isThere(id: string, reach: { snapshot_id: string; path: string }): boolean {
    const places = this.#engine.index.lookup.locate(Buffer.from(id, 'hex'));
    const blamed = this.#findings.blameFor(
      id,
      places.map(({ pack }) => pack),
    );
    if (blamed === undefined) return true;
    if (places.length === 0) this.#findings.add(blamed, 'it is in no index');
    this.#findings.reach(blamed, reach);
    return false;
  }

  #blame(object: string, why: { problem: string; reach: { snapshot_id: string; path: string } }): void {
    this.#findings.add(object, why.problem);
    this.#findings.reach(object, why.reach);
  }
}
