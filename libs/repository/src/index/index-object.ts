import { randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { OBJECT_TYPE } from '../crypto/envelope.ts';
import type { RepositoryKeys } from '../crypto/keys.ts';
import { openObject, sealObject } from '../crypto/sealed-object.ts';
import { damaged } from '../errors.ts';

export const INDEX_PREFIX = 'indexes/';

/** A pack as an index object names it: all that is needed to read a block with one ranged get. */
export interface IndexedPack {
  /** 32 hex digits. */
  readonly id: string;
  /** Length of the whole pack object. */
  readonly size: number;
  readonly header: Buffer;
  /** Encoded PackTable. */
  readonly table: Buffer;
}

/** A new index object under a name of its own. Not compressed: nearly all of it is ids. */
export function sealIndex(
  keys: RepositoryKeys,
  packs: readonly IndexedPack[],
): { name: string; object: Buffer } {
  const name = `${INDEX_PREFIX}${randomBytes(16).toString('hex')}`;
  const writer = new ByteWriter(1 << 16).u32(packs.length);
  for (const pack of packs) {
    writer.raw(Buffer.from(pack.id, 'hex')).u64(pack.size).bytes(pack.header).bytes(pack.table);
  }
  return { name, object: sealObject(keys, { type: OBJECT_TYPE.index, name }, writer.finish(), false) };
}

/** Throws `repo_damaged` for what was not stored under this name. */
export function openIndex(keys: RepositoryKeys, name: string, object: Buffer): IndexedPack[] {
  const reader = new ByteReader(openObject(keys, { type: OBJECT_TYPE.index, name }, object));
  try {
    return Array.from({ length: reader.u32() }, () => ({
      id: reader.raw(16).toString('hex'),
      size: reader.u64(),
      header: reader.bytes(),
      table: reader.bytes(),
    }));
  } catch (error) {
    throw damaged(`${name}: not an index`, error);
  }
}

/** An index object ends with the pack that takes its tables beyond this: none blocks its reader for long. */
const TABLE_BYTES = 2 << 20;

/** Packs in groups, each for one index object. */
export function* splitForIndexes(packs: readonly IndexedPack[]): Generator<IndexedPack[]> {
  let group: IndexedPack[] = [];
  let table_bytes = 0;
  for (const pack of packs) {
    group.push(pack);
    table_bytes += pack.table.length;
    if (table_bytes < TABLE_BYTES) continue;
    yield group;
    group = [];
    table_bytes = 0;
  }
  if (group.length > 0) yield group;
}
