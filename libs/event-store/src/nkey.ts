import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';

// NATS writes Ed25519 keys as base32 text with a role and a checksum. The client's own package does the arithmetic in
// JavaScript, 300 ms for our dozen keys; Node does it natively.

/** First byte of a public key: it becomes the first letter, O, A or U. */
const ROLES = { operator: 112, account: 0, user: 160 } as const;
export type KeyRole = keyof typeof ROLES;

const SEED = 144;
const SEED_BYTES = 32;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** PKCS 8 around 32 raw bytes of an Ed25519 key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key pair of one identity. */
export interface NKey {
  readonly public_key: string;
  /** The secret, as credentials files hold it. */
  readonly seed: string;
  sign(data: string | Uint8Array): Uint8Array;
}

/** A new identity. */
export function newKey(role: KeyRole): NKey {
  return fromRaw(ROLES[role], randomBytes(SEED_BYTES));
}

/** The identity that a seed belongs to; throws where the text is none. */
export function keyOf(seed: string): NKey {
  const bytes = decode(seed);
  const [first = 0, second = 0] = bytes;
  if ((first & 248) !== SEED || bytes.length !== SEED_BYTES + 2)
    throw new HoldfastError('nats_forbidden', 'the credentials hold no seed of a NATS key');
  return fromRaw(((first & 7) << 5) | ((second & 248) >> 3), bytes.subarray(2));
}

function fromRaw(role: number, raw: Uint8Array): NKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
  return {
    public_key: encode([role], publicBytes(key)),
    seed: encode([SEED | (role >> 5), (role & 31) << 3], raw),
    sign: (data) => sign(null, Buffer.from(data as Uint8Array), key),
  };
}

function publicBytes(key: KeyObject): Uint8Array {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

function encode(prefix: readonly number[], raw: Uint8Array): string {
  const body = Buffer.from([...prefix, ...raw]);
  const sum = checksum(body);
  return base32(Buffer.from([...body, sum & 255, sum >> 8]));
}

function decode(text: string): Uint8Array {
  const bytes = fromBase32(text);
  const [body, low = 0, high = 0] = [bytes.subarray(0, -2), ...bytes.subarray(-2)];
  if (checksum(body) !== (low | (high << 8)))
    throw new HoldfastError('nats_forbidden', 'a NATS key is mistyped');
  return body;
}

/** CRC-16, XMODEM. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

function fromBase32(text: string): Uint8Array {
  const bits = Array.from(text.trim(), (letter) =>
    ALPHABET.indexOf(letter).toString(2).padStart(5, '0'),
  ).join('');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (eight) => Number.parseInt(eight, 2));
}
