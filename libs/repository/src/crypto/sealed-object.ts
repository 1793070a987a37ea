import { damaged } from '../errors.ts';
import { decode, encode } from '../pack/codec.ts';
import { HEADER_BYTES, newEnvelope, type Place, readEnvelope } from './envelope.ts';
import type { RepositoryKeys } from './keys.ts';

const BODY_SECTION = 0;
const PREFIX_BYTES = 5;

/**
 * A whole object with one section: everything but packs. The plain text is a byte that names the codec, the length
 * of the body as u32, and the coded body.
 */
export function sealObject(keys: RepositoryKeys, place: Place, body: Buffer, compress = true): Buffer {
  const envelope = newEnvelope(keys, place);
  const coded = encode(body, compress);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = coded.codec;
  prefix.writeUInt32LE(body.length, 1);
  return Buffer.concat([envelope.header, envelope.seal(BODY_SECTION, Buffer.concat([prefix, coded.data]))]);
}

/** The body of such an object; throws `repo_damaged` for what was not sealed for this place. */
export function openObject(keys: RepositoryKeys, place: Place, object: Buffer): Buffer {
  const envelope = readEnvelope(keys, place, object.subarray(0, HEADER_BYTES));
  const plain = envelope.open(BODY_SECTION, object.subarray(HEADER_BYTES));
  if (plain.length < PREFIX_BYTES) throw damaged(`${place.name}: cut short`);
  return decode(plain[0] as number, plain.subarray(PREFIX_BYTES), plain.readUInt32LE(1));
}
