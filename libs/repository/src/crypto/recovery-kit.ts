/**
 * A secret of 32 bytes as a person writes it down and types it: nine groups of eight characters (Crockford's base 32,
 * in two halves), each with a check of its own, so that a mistake is named by its group. docs/repository-format.md,
 * "Recovery kit", has the bytes.
 */
import { RepositoryError } from '../errors.ts';
import { SECRET_BYTES, sha256 } from './keys.ts';

/** The first line of what is typed: tells it from a passphrase. */
export const KIT_MARK = 'HOLDFAST-KIT-1';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUPS = 9;
const GROUP_BYTES = 4;
const GROUP_CHARACTERS = 8;
const CHECK_USE = 'holdfast/1 recovery kit';

/** The nine groups of a secret, `7KQ2-M9XD` each. */
export function encodeKit(secret: Buffer): string[] {
  const whole = Buffer.concat([secret, wholeCheck(secret)]);
  return Array.from({ length: GROUPS }, (_, index) => {
    const bytes = whole.subarray(index * GROUP_BYTES, (index + 1) * GROUP_BYTES);
    const text = toCharacters(Buffer.concat([bytes, Buffer.from([groupCheck(index, bytes)])]));
    return `${text.slice(0, GROUP_CHARACTERS / 2)}-${text.slice(GROUP_CHARACTERS / 2)}`;
  });
}

/** True for a text that holds a kit: it has the mark on a line of its own, or is nine sound groups and nothing else. */
export function isKit(text: string): boolean {
  if (linesOf(text).some(isMark)) return true;
  try {
    decodeKit(text);
    return true;
  } catch {
    // A passphrase, then.
    return false;
  }
}

/**
 * The secret of a kit: what follows the mark (without one, all) is read, a group a line, with or without its number.
 * Capital or small letters, hyphens and spaces do not matter; O is 0, I and L are 1. Throws `bad_request` that names every
 * group that is mistyped.
 */
export function decodeKit(text: string): Buffer {
  const lines = linesOf(text);
  const groups = lines.slice(lines.findIndex(isMark) + 1).slice(0, GROUPS);
  if (groups.length < GROUPS) throw mistyped([`it has ${groups.length} groups of ${GROUPS}`]);
  const problems: string[] = [];
  const bytes = groups.map((line, index) => {
    const group = readGroup(line, index);
    if (typeof group === 'string') problems.push(`group ${index + 1} ${group}`);
    return typeof group === 'string' ? Buffer.alloc(GROUP_BYTES) : group;
  });
  if (problems.length > 0) throw mistyped(problems);
  const whole = Buffer.concat(bytes);
  const secret = whole.subarray(0, SECRET_BYTES);
  if (!wholeCheck(secret).equals(whole.subarray(SECRET_BYTES))) {
    throw mistyped(['the groups do not belong together: compare each of them']);
  }
  return secret;
}

/** The four bytes of a group, or what is wrong with it. */
function readGroup(line: string, index: number): Buffer | string {
  const [, number, rest = line] = /^(\d)[.:)]?\s+(\S.*)$/.exec(line) ?? [];
  if (number !== undefined && Number(number) !== index + 1)
    return `is missing: number ${number} stands in its place`;
  const characters = [...rest.replace(/[\s-]/g, '').toUpperCase()].map(plainCharacter);
  if (characters.length !== GROUP_CHARACTERS)
    return `has ${characters.length} characters instead of ${GROUP_CHARACTERS}`;
  const strange = characters.find((character) => !ALPHABET.includes(character));
  if (strange !== undefined) return 'has a character that no kit has';
  const bytes = toBytes(characters);
  const content = bytes.subarray(0, GROUP_BYTES);
  return groupCheck(index, content) === bytes[GROUP_BYTES] ? content : 'is mistyped';
}

function plainCharacter(character: string): string {
  if (character === 'O') return '0';
  return character === 'I' || character === 'L' ? '1' : character;
}

function toCharacters(bytes: Buffer): string {
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let left = GROUP_CHARACTERS; left > 0; left -= 1) {
    text = `${ALPHABET[Number(value % 32n)]}${text}`;
    value /= 32n;
  }
  return text;
}

function toBytes(characters: readonly string[]): Buffer {
  const value = characters.reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n);
  return Buffer.from(value.toString(16).padStart((GROUP_BYTES + 1) * 2, '0'), 'hex');
}

/** CRC-8 (polynomial 0x07): no single wrong character passes, nor two groups that changed places. */
function groupCheck(index: number, bytes: Buffer): number {
  let crc = 0;
  for (const byte of [index + 1, ...bytes]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

function wholeCheck(secret: Buffer): Buffer {
  return sha256(Buffer.concat([Buffer.from(CHECK_USE, 'latin1'), secret])).subarray(0, GROUP_BYTES);
}

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function isMark(line: string): boolean {
  return line.toUpperCase() === KIT_MARK;
}

function mistyped(problems: readonly string[]): RepositoryError {
  return new RepositoryError(
    'bad_request',
    `the recovery kit is not typed as it is printed: ${problems.join('; ')}`,
  );
}
