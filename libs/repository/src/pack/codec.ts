import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { damaged, RepositoryError } from '../errors.ts';

/** How a block's bytes are coded. */
export const CODEC = { stored: 0, zstd: 1 } as const;

const LEVEL = 3;
const SAMPLE_LEVEL = 1;
const SAMPLE_BYTES = 4096;
const SAMPLES = 3;
const CHUNK_SIZE_MIN = 1024;
/** Less than this share saved is not worth decoding. */
const WORTH = 0.97;

export interface Coded {
  readonly codec: number;
  readonly data: Buffer;
}

/** Compresses where it is wanted and helps. `level` is that of zstd: 1 to 19. */
export function encode(raw: Buffer, compress: boolean, level = LEVEL): Coded {
  if (!compress || raw.length === 0) return { codec: CODEC.stored, data: raw };
  const chunkSize = boundOf(raw.length);
  const data = zstdCompressSync(raw, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } });
  return data.length < raw.length * WORTH ? { codec: CODEC.zstd, data } : { codec: CODEC.stored, data: raw };
}

/** The raw bytes; throws `repo_damaged` unless there are exactly `raw_length`. */
export function decode(codec: number, data: Buffer, raw_length: number): Buffer {
  const raw = codec === CODEC.zstd ? unzip(data, raw_length) : data;
  if (codec !== CODEC.zstd && codec !== CODEC.stored) {
    throw new RepositoryError(
      'repo_unsupported',
      `compressed in a way that this version does not know (${codec})`,
    );
  }
  if (raw.length !== raw_length) throw damaged(`${raw.length} bytes where ${raw_length} were stored`);
  return raw;
}

/** True for data that a sample shows to be random-like: media, archives, ciphertext. */
export function looksIncompressible(data: Buffer): boolean {
  if (data.length < SAMPLE_BYTES * SAMPLES * 2) return false;
  const step = Math.floor((data.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const pieces = Array.from({ length: SAMPLES }, (_, n) => data.subarray(n * step, n * step + SAMPLE_BYTES));
  const sample = Buffer.concat(pieces);
  const coded = zstdCompressSync(sample, { params: { [constants.ZSTD_c_compressionLevel]: SAMPLE_LEVEL } });
  return coded.length > sample.length * WORTH;
}

/** What zstd never exceeds (ZSTD_compressBound): with so much room it writes straight there, without buffers of its own. */
function boundOf(raw_length: number): number {
  return Math.max(CHUNK_SIZE_MIN, raw_length + (raw_length >>> 8) + 64);
}

/** So much at once that the output comes in one piece, and is not put together from many. */
function chunkSizeFor(raw_length: number): number {
  return Math.max(CHUNK_SIZE_MIN, raw_length + 1);
}

function unzip(data: Buffer, raw_length: number): Buffer {
  try {
    return zstdDecompressSync(data, {
      chunkSize: chunkSizeFor(raw_length),
      maxOutputLength: Math.max(1, raw_length),
    });
  } catch (error) {
    throw damaged('a compressed block does not decode', error);
  }
}
