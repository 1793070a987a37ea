import type { Xattr } from '../api.ts';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { damaged } from '../errors.ts';
import { bytesToPath } from '../paths.ts';

/** One extended attribute as the system gives it. */
export interface RawXattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** Attributes as an entry holds them: in order of their names, whatever order the file system lists them in. */
export function encodeXattrs(xattrs: readonly RawXattr[]): Buffer {
  const sorted = [...xattrs].sort((one, other) => one.name.compare(other.name));
  const writer = new ByteWriter(256).varint(sorted.length);
  for (const { name, value } of sorted) writer.bytes(name).bytes(value);
  return writer.finish();
}

/** Throws `repo_damaged` for bytes that are no list of attributes. */
export function decodeXattrs(data: Buffer): Xattr[] {
  const reader = new ByteReader(data);
  try {
    const xattrs: Xattr[] = [];
    for (let left = reader.varint(); left > 0; left -= 1) {
      xattrs.push({ name: bytesToPath(reader.bytes()), value: reader.bytes() });
    }
    return xattrs;
  } catch (error) {
    throw damaged('the extended attributes of an entry do not decode', error);
  }
}
