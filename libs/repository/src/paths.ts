/**
 * Three spellings of one path:
 * - *path*: what callers see, `/srv/ñandú`; bytes that are not UTF-8 are lone surrogates U+DC80–U+DCFF (surrogateescape);
 * - *bytes*: what the file system sees;
 * - *key*: what the tree is ordered by: the bytes as characters 0–255, without the first `/`, every other `/` as NUL.
 *   Plain comparison of keys is comparison component by component, and a folder's subtree is one range of keys.
 */
import { isUtf8 } from 'node:buffer';

const ASCII_ONLY = /^[ -~]*$/;

/** The bytes of a path for the system's calls. */
export function pathToBytes(path: string): Buffer {
  return path.isWellFormed() ? Buffer.from(path, 'utf8') : escapedToBytes(path);
}

/** The path of bytes that the system gave. */
export function bytesToPath(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytesToEscaped(bytes);
}

/** What to hand to `node:fs`: the string where that is exact, else bytes. */
export function pathForSystem(path: string): string | Buffer {
  return path.isWellFormed() ? path : escapedToBytes(path);
}

/** The key of an absolute path without `.`, `..` and doubled or trailing slashes. */
export function pathToKey(path: string): string {
  const trimmed = path.startsWith('/') ? path.slice(1) : path;
  const text = ASCII_ONLY.test(trimmed) ? trimmed : pathToBytes(trimmed).toString('latin1');
  return text.replaceAll('/', '\0');
}

/** The absolute path of a key. */
export function keyToPath(key: string): string {
  const text = `/${key.replaceAll('\0', '/')}`;
  return ASCII_ONLY.test(text) ? text : bytesToPath(Buffer.from(text, 'latin1'));
}

/** The key of the folder that holds it; undefined for the root of the file system. */
export function parentKey(key: string): string | undefined {
  if (key === '') return undefined;
  return key.slice(0, Math.max(0, key.lastIndexOf('\0')));
}

/** True for the folder itself and all below it. */
export function isWithin(key: string, folder: string): boolean {
  return folder === '' || key === folder || (key.startsWith(folder) && key[folder.length] === '\0');
}

/** The first key after all that lies below a folder; undefined: there is none after it. */
export function afterSubtree(folder: string): string | undefined {
  return folder === '' ? undefined : `${folder}\x01`;
}

/** Keys of all folders above, nearest first, the file system's root left out. */
export function* ancestorsOf(key: string): Generator<string> {
  for (let above = parentKey(key); above !== undefined && above !== ''; above = parentKey(above)) yield above;
}

/** False for a key that could leave the folder it is restored into. */
export function isSafeKey(key: string): boolean {
  return key.split('\0').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('/'));
}

function escapedToBytes(path: string): Buffer {
  const pieces: Buffer[] = [];
  for (const piece of path.split(/([\udc80-\udcff])/u)) {
    const code = piece.length === 1 ? piece.charCodeAt(0) : 0;
    const is_escape = code >= 0xdc80 && code <= 0xdcff;
    pieces.push(is_escape ? Buffer.from([code & 0xff]) : Buffer.from(piece, 'utf8'));
  }
  return Buffer.concat(pieces);
}

function bytesToEscaped(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 | (bytes[at] as number));
    else text += bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** Length of the UTF-8 sequence that starts here; 0 where none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  let length = 1;
  if (first >= 0xf0) length = 4;
  else if (first >= 0xe0) length = 3;
  else if (first >= 0x80) length = 2;
  const is_whole = at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length));
  return is_whole ? length : 0;
}
