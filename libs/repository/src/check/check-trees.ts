import type { Reach, Snapshot } from '../api.ts';
import type { Engine } from '../engine.ts';
import { isRepositoryError, reasonOf } from '../errors.ts';
import type { ChunkLocation } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import { keyToPath } from '../paths.ts';
import { Slice } from '../slice.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';
import { childId } from '../tree/cursor.ts';
import { eachId } from '../tree/each-chunk.ts';
import { decodeEntry, idsOf, type StoredEntry } from '../tree/entry-codec.ts';
import type { TreeNode } from '../tree/node.ts';
import { ClaimTable } from '../write/claim-table.ts';
import type { Findings } from './findings.ts';

/** A chunk that a snapshot needs and that cannot be had from any of its packs. */
export interface LostChunk {
  readonly id: Buffer;
  /** The file that it is a part of, or the first path of the node. */
  readonly path: string;
  /** All chunks of that file, or all of its lists, one after the other. */
  readonly of_file?: Buffer;
}

/** Gets lost chunks from elsewhere and stores them again: repair has one. Undefined: it is nowhere. */
export interface Mender {
  /** The bytes of a chunk of the tree itself. */
  read(lost: LostChunk): Promise<Buffer | undefined>;
  /** The length of a chunk of a file. */
  mend(lost: LostChunk): Promise<number | undefined>;
}

export interface TreeCheckParts {
  readonly engine: Engine;
  readonly findings: Findings;
  /** Packs that stand and that no index names. */
  readonly unindexed: ReadonlySet<string>;
  readonly mender?: Mender;
  /** Called for each node that is looked at. */
  readonly on_node?: (id: Buffer) => void;
}

/** A node, and the keys that it holds: from the first up to (not with) the second. */
interface NodePlace {
  readonly id: string;
  readonly from: string;
  readonly until: string | undefined;
}

/** Every node and every chunk that the snapshots reach can be had; a node below which all is well is looked at once. */
export class TreeCheck {
  readonly #parts: TreeCheckParts;
  /** Nodes that were looked at, and those of them below which something is wrong. */
  readonly #seen = new ClaimTable();
  readonly #unsound = new Set<string>();
  readonly #slice = new Slice();

  constructor(parts: TreeCheckParts) {
    this.#parts = parts;
  }

  async check(snapshot: Snapshot): Promise<void> {
    await this.#checkNode(snapshot, { id: snapshot.tree, from: '', until: undefined });
  }

  /** True where all below is well. */
  async #checkNode(snapshot: Snapshot, place: NodePlace): Promise<boolean> {
    const id = Buffer.from(place.id, 'hex');
    this.#seen.grow();
    if (!this.#seen.claim(id) && !this.#unsound.has(place.id)) return true;
    this.#parts.on_node?.(id);
    const node = await this.#load(id, reachOf(snapshot, place));
    const is_sound = node !== undefined && (await this.#checkItems(snapshot, place, node));
    if (is_sound) this.#unsound.delete(place.id);
    else this.#unsound.add(place.id);
    await this.#slice.rest();
    return is_sound;
  }

  async #checkItems(snapshot: Snapshot, place: NodePlace, node: TreeNode): Promise<boolean> {
    let is_sound = true;
    for (const [index, key] of node.keys.entries()) {
      const until = node.keys[index + 1] ?? place.until;
      const is_well =
        node.level > 0
          ? await this.#checkNode(snapshot, { id: childId(node, index), from: key, until })
          : await this.#checkEntry(snapshot, key, node.values[index] as Buffer);
      is_sound &&= is_well;
    }
    return is_sound;
  }

  async #checkEntry(snapshot: Snapshot, key: string, value: Buffer): Promise<boolean> {
    const reach = { snapshot_id: snapshot.id, path: keyToPath(key) };
    try {
      const entry = decodeEntry(value);
      if (entry.kind !== 'file') return true;
      const named = idsOf(this.#parts.engine.keys, entry);
      const ids = entry.is_list ? await this.#readLists(named, reach) : named;
      return ids !== undefined && (await this.#checkChunks(entry, ids, reach));
    } catch (error) {
      if (!isRepositoryError(error)) throw error;
      this.#blame(snapshotName(snapshot.id), `entry ${reach.path}: ${reasonOf(error)}`, reach);
      return false;
    }
  }

  async #checkChunks(entry: StoredEntry, ids: Buffer, reach: Reach): Promise<boolean> {
    let is_well = true;
    let size = 0;
    for (const id of eachId(ids)) {
      const places = this.#goodPlaces(id);
      const [place] = places;
      if (place !== undefined) size += place.length;
      else {
        const mended = await this.#parts.mender?.mend({ id, path: reach.path, of_file: ids });
        if (mended === undefined) this.#blameFor(id, reach);
        size += mended ?? 0;
        is_well &&= mended !== undefined;
      }
    }
    if (!is_well || size === entry.size) return is_well;
    const problem = `entry ${reach.path}: its chunks have ${size} bytes instead of ${entry.size}`;
    this.#blame(snapshotName(reach.snapshot_id), problem, reach);
    return false;
  }

  /** The ids of a large file's chunks; undefined where one of its lists cannot be had. */
  async #readLists(named: Buffer, reach: Reach): Promise<Buffer | undefined> {
    const lists: Buffer[] = [];
    for (const id of eachId(named)) {
      const list = await this.#read(id, reach, named);
      if (list === undefined) return undefined;
      lists.push(list);
    }
    return Buffer.concat(lists);
  }

  async #load(id: Buffer, reach: Reach): Promise<TreeNode | undefined> {
    const data = await this.#read(id, reach);
    if (data === undefined) return undefined;
    const { nodes } = this.#parts.engine;
    try {
      return nodes.decode(id.toString('hex'), data);
    } catch (error) {
      if (!isRepositoryError(error)) throw error;
      this.#blame(snapshotName(reach.snapshot_id), reasonOf(error), reach);
      return undefined;
    }
  }

  /** A chunk of the tree itself, from a good place or mended. */
  async #read(id: Buffer, reach: Reach, of_file?: Buffer): Promise<Buffer | undefined> {
    const { engine, mender, findings } = this.#parts;
    let failure: string | undefined;
    const places = this.#goodPlaces(id);
    if (places.length > 0) {
      try {
        return await engine.chunks.read(id);
      } catch (error) {
        if (!isRepositoryError(error)) throw error;
        failure = `a node of the tree: ${reasonOf(error)}`;
        for (const { pack } of places) {
          findings.loseChunk(id, pack);
          findings.bad_packs.add(pack);
          findings.add(packName(pack), failure);
        }
      }
    }
    const mended = await mender?.read({ id, path: reach.path, ...(of_file && { of_file }) });
    if (mended === undefined) this.#blameFor(id, reach);
    return mended;
  }

  /** Places of a chunk in packs that an index names and of which it is not known that they lost it. */
  #goodPlaces(id: Buffer): ChunkLocation[] {
    const { engine, findings, unindexed } = this.#parts;
    const places = engine.index.lookup.locate(id).filter(({ pack }) => !findings.isLost(id, pack));
    const indexed = places.filter(({ pack }) => !unindexed.has(pack));
    if (indexed.length > 0 || places.length === 0) return indexed;
    for (const { pack } of places) findings.add(packName(pack), 'no index names it, and a snapshot needs it');
    return this.#parts.mender === undefined ? [] : places;
  }

  #blameFor(id: Buffer, reach: Reach): void {
    const { engine, findings } = this.#parts;
    const places = engine.index.lookup.locate(id);
    for (const { pack } of places) findings.reach(packName(pack), reach);
    for (const name of engine.index.damaged.keys()) findings.reach(name, reach);
    if (places.length > 0 || engine.index.damaged.size > 0) return;
    this.#blame(`chunk ${id.toString('hex')}`, 'it is in no index and in no pack that stands', reach);
  }

  #blame(object: string, problem: string, reach: Reach): void {
    this.#parts.findings.add(object, problem);
    this.#parts.findings.reach(object, reach);
  }
}

function reachOf(snapshot: Snapshot, { from, until }: NodePlace): Reach {
  return {
    snapshot_id: snapshot.id,
    path: keyToPath(from),
    until: until === undefined ? null : keyToPath(until),
  };
}
