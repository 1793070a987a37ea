import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { chunkId, deriveKeys, sha256 } from '../src/crypto/keys.ts';
import { sealIndex } from '../src/index/index-object.ts';
import { unlock } from '../src/key-ring.ts';
import { initRepository } from '../src/open.ts';
import { packName } from '../src/pack/pack-name.ts';
import { type FinishedPack, PackWriter } from '../src/pack/pack-writer.ts';
import { pathToKey } from '../src/paths.ts';
import { sealSnapshot, snapshotName } from '../src/snapshot/snapshot-object.ts';
import { encodeEntry, type StoredEntry } from '../src/tree/entry-codec.ts';
import { encodeNode } from '../src/tree/node.ts';
import { SECRET } from './support.ts';

/** One item of a crafted tree: its key as it is, and what differs from a small plain file. */
export interface CraftedItem {
  readonly key: string;
  readonly entry?: Partial<StoredEntry>;
  /** Bytes of its chunks. Default: one chunk with the key's text. */
  readonly chunks?: readonly Buffer[];
}

const PLAIN = {
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime_ns: 1_000_000_000n,
  is_list: false,
} as const;

/** The same with files as they stand, in the order of their paths. */
export function craftFrom(paths: readonly string[]): Promise<BlobStore> {
  return craftRepository(
    paths.map((path) => {
      const { mode, uid, gid, mtimeNs } = statSync(path, { bigint: true });
      const [owner, group] = [Number(uid), Number(gid)];
      const entry = { mode: Number(mode) & 0o7777, uid: owner, gid: group, mtime_ns: mtimeNs };
      return { key: pathToKey(path), entry, chunks: [readFileSync(path)] };
    }),
  );
}

/**
 * A repository with one snapshot whose tree is what a writer with the keys and ill will could make: keys in any
 * order, with any parts. In the place of no backup.
 */
export async function craftRepository(items: readonly CraftedItem[]): Promise<BlobStore> {
  const store = createMemoryStore();
  await (await initRepository(store, SECRET, { rounds: 1000 }))[Symbol.asyncDispose]();
  const id = Buffer.from(JSON.parse((await store.get('config')).toString()).id, 'hex');
  const keys = deriveKeys(id, (await unlock(store, id, SECRET)).secrets);
  const packs: FinishedPack[] = [];
  const writer = new PackWriter(keys, { compress: true, on_pack: (pack) => packs.push(pack) });
  const addChunk = (data: Buffer, kind: 'data' | 'node') => {
    const chunk_id = chunkId(keys, sha256(data));
    writer.add(chunk_id, data, kind);
    return chunk_id;
  };
  const values = items.map(({ key, entry, chunks }) => {
    const is_file = (entry?.kind ?? 'file') === 'file';
    const pieces = is_file ? (chunks ?? [Buffer.from(key, 'latin1')]) : [];
    const whole = Buffer.concat(pieces);
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const ids = Buffer.concat(pieces.map((piece) => addChunk(piece, 'data')));
    const stored = { ...PLAIN, ...owner, size: whole.length, digest: sha256(whole), ids, ...entry };
    return encodeEntry(stored);
  });
  const tree = addChunk(encodeNode({ level: 0, keys: items.map(({ key }) => key), values }), 'node');
  writer.flush();
  for (const pack of packs) await store.put(packName(pack.id), pack.data);
  const index = sealIndex(
    keys,
    packs.map((pack) => ({ ...pack, size: pack.data.length })),
  );
  await store.put(index.name, index.object);
  const snapshot_id = randomBytes(16).toString('hex');
  const snapshot = {
    id: snapshot_id,
    host: 'h',
    source: 's',
    time_ms: 1,
    started_ms: 1,
    roots: ['/'],
    tree: tree.toString('hex'),
    parent: null,
    heads: [],
    files: items.length,
    bytes: 0,
    metadata: {},
  };
  await store.put(snapshotName(snapshot_id), sealSnapshot(keys, snapshot));
  return store;
}
