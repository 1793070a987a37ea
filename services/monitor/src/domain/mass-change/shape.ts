import { basename, extname } from 'node:path';

/** What the first bytes of a file look like. */
export interface Shape {
  /** Shannon entropy, bits a byte: 8 is noise. */
  readonly entropy: number;
  /** The bytes are noise where the name promises something else. */
  readonly is_scrambled: boolean;
}

/** So much of the beginning is looked at. */
const SHAPE_BYTES = 64 * 1024;
/** Fewer bytes say nothing. */
const JUDGED_MIN = 48;
const TEXTUAL = new Set(
  (
    '.bat .c .cfg .conf .cpp .cs .css .csv .env .go .h .html .ini .java .js .json .jsonl .jsx .log .md .mjs .ndjson .php .properties .ps1 ' +
    '.py .rb .rs .rst .sh .sql .svg .toml .ts .tsv .tsx .txt .xml .yaml .yml'
  ).split(' '),
);
/** What files of a kind begin with, as everybody writes them. */
const HEADERS: Record<string, readonly string[]> = {
  '.bmp': ['BM'],
  '.docx': ['PK'],
  '.gif': ['GIF8'],
  '.gz': ['\x1f\x8b'],
  '.jpeg': ['\xff\xd8\xff'],
  '.jpg': ['\xff\xd8\xff'],
  '.pdf': ['%PDF'],
  '.png': ['\x89PNG'],
  '.pptx': ['PK'],
  '.sqlite': ['SQLite format 3'],
  '.xlsx': ['PK'],
  '.zip': ['PK'],
  '.zst': ['\x28\xb5\x2f\xfd'],
};
/** Noise has control characters in one of nine bytes, and half of its bytes above ASCII: text in any encoding of eight bits has not. */
const CONTROL_SHARE = 0.05;
const HIGH_SHARE = 0.25;
const NOISE_BITS = 7;

/** Looks at the beginning of a file. Pure; some microseconds a KiB. */
export function shapeOf(path: string, head: Uint8Array): Shape {
  const bytes = head.subarray(0, SHAPE_BYTES);
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  const entropy = entropyOf(counts, bytes.length);
  return { entropy, is_scrambled: isScrambled(path, bytes, { counts, entropy }) };
}

function isScrambled(
  path: string,
  bytes: Uint8Array,
  seen: { counts: Uint32Array; entropy: number },
): boolean {
  if (bytes.length < JUDGED_MIN) return false;
  const kind = kindOf(path);
  if (TEXTUAL.has(kind)) return isNoise(seen.counts, bytes.length);
  const headers = HEADERS[kind] ?? [];
  if (headers.length === 0 || seen.entropy < NOISE_BITS) return false;
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  return !headers.some((header) => start.startsWith(header));
}

/** `.env` has no extension to Node: its name is its kind. */
function kindOf(path: string): string {
  const name = basename(path).toLowerCase();
  return name === '.env' || name.startsWith('.env.') ? '.env' : extname(name);
}

function isNoise(counts: Uint32Array, length: number): boolean {
  let control = 0;
  let high = 0;
  for (let byte = 1; byte < 256; byte += 1) {
    const count = counts[byte] as number;
    const is_space = byte >= 9 && byte <= 13;
    if (byte === 127 || (byte < 32 && !is_space)) control += count;
    if (byte >= 128) high += count;
  }
  return control >= length * CONTROL_SHARE && high >= length * HIGH_SHARE;
}

function entropyOf(counts: Uint32Array, length: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / length) * Math.log2(count / length);
  return bits;
}
