import type { Difference, DiffOptions, Entry, Snapshot, Version } from '../api.ts';
import { ID_BYTES } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { engineOf } from '../engine-of.ts';
import { damaged } from '../errors.ts';
import { mustShareIds } from '../must-share-ids.ts';
import { pathToKey } from '../paths.ts';
import type { StoredSnapshot } from '../snapshot/snapshot-object.ts';
import { findValue, leavesFrom, subtreeLeaves } from '../tree/cursor.ts';
import { diffTrees } from '../tree/diff.ts';
import { decodeEntry, idsOf, isSameEntry, type StoredEntry, toEntry } from '../tree/entry-codec.ts';

/** The entry of one path of a snapshot. */
export async function findEntry(
  engine: Engine,
  snapshot: Snapshot,
  path: string,
): Promise<Entry | undefined> {
  const key = pathToKey(path);
  const value = await findValue(engine.nodes.load, snapshot.tree, key);
  return value === undefined ? undefined : expand(engine, key, value);
}

/** Entries in order of paths; `under`: that folder and what is below it. */
export async function* listEntries(
  engine: Engine,
  snapshot: Snapshot,
  under?: string,
): AsyncGenerator<Entry> {
  const { load } = engine.nodes;
  const folder = under === undefined ? undefined : pathToKey(under);
  const leaves =
    folder === undefined ? leavesFrom(load, snapshot.tree) : subtreeLeaves(load, snapshot.tree, folder);
  for await (const leaf of leaves) {
    for (const { key, value } of leaf) yield await expand(engine, key, value);
  }
}

/** Every distinct content of a path, newest first, each with the newest snapshot that holds it. */
export async function* listVersions(
  engine: Engine,
  snapshots: readonly StoredSnapshot[],
  path: string,
): AsyncGenerator<Version> {
  const seen = new Set<string>();
  for (const snapshot of snapshots) {
    const entry = await findEntry(engine, snapshot, path);
    if (entry === undefined) continue;
    const content = `${entry.kind} ${entry.checksum} ${entry.target ?? ''}`;
    if (seen.has(content)) continue;
    seen.add(content);
    yield { snapshot, entry };
  }
}

/** What differs between two snapshots, in order of paths. Cost follows the difference. */
export async function* listDifferences(
  engine: Engine,
  [before, after]: readonly [Snapshot, Snapshot],
  { before_in, behind }: DiffOptions,
): AsyncGenerator<Difference> {
  const old = before_in === undefined ? engine : engineOf(before_in);
  mustShareIds(old, engine);
  const terms = { loadBefore: old.nodes.load, behind: behind === undefined ? undefined : pathToKey(behind) };
  const differences = diffTrees(engine.nodes.load, [before.tree, after.tree], terms);
  for await (const { key, before: old_value, after: new_value } of differences) {
    const is_both = old_value !== undefined && new_value !== undefined;
    if (is_both && isSameEntry(engine.keys, old_value, new_value)) continue;
    const old_entry = old_value === undefined ? undefined : await expand(old, key, old_value);
    const new_entry = new_value === undefined ? undefined : await expand(engine, key, new_value);
    yield { path: (new_entry ?? old_entry)?.path ?? '', before: old_entry, after: new_entry };
  }
}

/** The entry of an encoded value, with the ids of all its chunks. */
export async function expand(engine: Engine, key: string, value: Buffer): Promise<Entry> {
  const stored = decodeEntry(value);
  return toEntry(key, stored, await contentIds(engine, stored));
}

/** The ids of all chunks of a file, one after the other. */
export async function contentIds(engine: Engine, stored: StoredEntry): Promise<Buffer> {
  const named = idsOf(engine.keys, stored);
  if (!stored.is_list) return named;
  const lists: Buffer[] = [];
  for (let at = 0; at < named.length; at += ID_BYTES) {
    lists.push(await engine.chunks.read(named.subarray(at, at + ID_BYTES)));
  }
  const ids = Buffer.concat(lists);
  if (ids.length % ID_BYTES !== 0) throw damaged('a list of chunks is cut short');
  return ids;
}
