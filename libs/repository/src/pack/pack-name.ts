import { damaged } from '../errors.ts';

const TRAILER_MAGIC = Buffer.from('HFP1', 'latin1');

/** The last bytes of a pack: length of its sealed footer as u32, then `HFP1`. */
export const TRAILER_BYTES = 8;

export const PACK_PREFIX = 'packs/';

/** Where a pack lies: by the first two digits, so that no folder grows too wide. */
export function packName(id: string): string {
  return `${PACK_PREFIX}${id.slice(0, 2)}/${id}`;
}

/** The end of a pack: the length of its sealed footer, and the magic that says so. */
export function packTrailer(footer_length: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(footer_length, 0);
  TRAILER_MAGIC.copy(trailer, 4);
  return trailer;
}

/** Length of the sealed footer; throws `repo_damaged` for what is no trailer. */
export function readPackTrailer(name: string, trailer: Buffer): number {
  const is_trailer = trailer.length === TRAILER_BYTES && trailer.subarray(4).equals(TRAILER_MAGIC);
  if (!is_trailer) throw damaged(`${name}: does not end like a pack`);
  return trailer.readUInt32LE(0);
}
