import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { damaged, RepositoryError } from '../errors.ts';
import { releaseMemory } from '../release-memory.ts';
import { deriveKey, type RepositoryKeys } from './keys.ts';

/** What an object is. The number is bound into every byte that is sealed. */
export const OBJECT_TYPE = {
  pack: 1,
  index: 2,
  snapshot: 3,
  tombstone: 4,
  pending: 5,
  marks: 6,
  revocation: 7,
} as const;
export type ObjectType = (typeof OBJECT_TYPE)[keyof typeof OBJECT_TYPE];

/** Number of a pack's footer; its blocks count from 0. */
export const FOOTER_SECTION = 0xffff_ffff;
export const HEADER_BYTES = 40;
export const TAG_BYTES = 16;

const MAGIC = Buffer.from('HFO1', 'latin1');
const SALT_BYTES = 32;
const ENVELOPE_OF_REPOSITORY_KEY = 0;

/** Where an object stands: sealed bytes open nowhere else. */
export interface Place {
  readonly type: ObjectType;
  /** The object's name in the store. */
  readonly name: string;
}

/** Seals and opens the sections of one object with the data key of its envelope. */
export interface Envelope {
  /** First bytes of the object: magic, type, kind of envelope, salt. */
  readonly header: Buffer;
  /** Ciphertext and tag. A section number must be used once only: it is the nonce. */
  seal(section: number, plain: Uint8Array): Buffer;
  /** The same straight into memory that is there: TAG_BYTES more than the plain text, from `at` on; the bytes written. */
  sealInto(section: number, plain: Uint8Array, into: { target: Buffer; at: number }): number;
  /** Rejects what is not exactly what was sealed in this place: throws `repo_damaged`. */
  open(section: number, sealed: Uint8Array): Buffer;
}

/** The envelope of a new object: a random salt makes a data key of its own. */
export function newEnvelope(keys: RepositoryKeys, place: Place): Envelope {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header[4] = place.type;
  header[5] = ENVELOPE_OF_REPOSITORY_KEY;
  randomBytes(SALT_BYTES).copy(header, HEADER_BYTES - SALT_BYTES);
  return envelopeOf(keys, place, header);
}

/** The envelope of a stored object, from its first bytes. Throws `repo_damaged` or `repo_unsupported`. */
export function readEnvelope(keys: RepositoryKeys, place: Place, header: Buffer): Envelope {
  const starts_well = header.length === HEADER_BYTES && header.subarray(0, 4).equals(MAGIC);
  if (!starts_well || header[4] !== place.type) {
    throw damaged(`${place.name}: not an object of this kind`);
  }
  if (header[5] !== ENVELOPE_OF_REPOSITORY_KEY) {
    throw new RepositoryError(
      'repo_unsupported',
      `${place.name}: sealed in a way that this version does not know`,
    );
  }
  return envelopeOf(keys, place, Buffer.from(header));
}

/** What an object says that it is; undefined for what is no object of a repository. Not yet proven: opening it does that. */
export function typeOfObject(object: Buffer): number | undefined {
  return object.length >= HEADER_BYTES && object.subarray(0, 4).equals(MAGIC) ? object[4] : undefined;
}

function envelopeOf(keys: RepositoryKeys, place: Place, header: Buffer): Envelope {
  const salt = header.subarray(HEADER_BYTES - SALT_BYTES);
  const data_key = deriveKey(keys.object_key, salt, 'data');
  const aad = Buffer.concat([header, keys.repository_id, Buffer.from(place.name, 'utf8')]);
  const nonceOf = (section: number) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(section, 8);
    return nonce;
  };

  const sealInto: Envelope['sealInto'] = (section, plain, { target, at }) => {
    const cipher = createCipheriv('aes-256-gcm', data_key, nonceOf(section)).setAAD(aad);
    const body = cipher.update(plain);
    cipher.final();
    body.copy(target, at);
    releaseMemory(body);
    cipher.getAuthTag().copy(target, at + plain.length);
    return plain.length + TAG_BYTES;
  };

  return {
    header,
    sealInto,
    seal(section, plain) {
      const target = Buffer.allocUnsafe(plain.length + TAG_BYTES);
      sealInto(section, plain, { target, at: 0 });
      return target;
    },
    open(section, sealed) {
      if (sealed.length < TAG_BYTES) throw damaged(`${place.name}: section ${section} is cut short`);
      const decipher = createDecipheriv('aes-256-gcm', data_key, nonceOf(section), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(aad).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      try {
        decipher.final();
      } catch (error) {
        throw damaged(`${place.name}: section ${section} is not what was stored`, error);
      }
      return plain;
    },
  };
}
