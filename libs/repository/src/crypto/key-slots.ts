import { createCipheriv, createDecipheriv, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { damaged, RepositoryError, reasonOf } from '../errors.ts';
import { deriveKey, type MasterSecrets, SECRET_BYTES } from './keys.ts';

const pbkdf2Async = promisify(pbkdf2);
const NONCE = Buffer.alloc(12);
const TAG_BYTES = 16;

/** Rounds of PBKDF2-SHA256 for new slots. */
export const PASSPHRASE_ROUNDS = 600_000;
const ROUNDS_MIN = 1000;
const ROUNDS_MAX = 100_000_000;

/** What opens a repository. */
export type Secret = { readonly password: string } | { readonly key_file_bytes: Uint8Array };

/** A slot as it is stored: JSON, readable without any key; `sealed` opens with the slot's secret only. */
export const KeySlot = z.object({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  kind: z.enum(['passphrase', 'key_file']),
  label: z.string(),
  created: z.iso.datetime(),
  /** 0 for a key file, which is random already. */
  rounds: z.int(),
  salt: z.base64(),
  sealed: z.base64(),
  /** What it is for, where that matters: a kit is kept on paper. */
  purpose: z.literal('recovery_kit').optional(),
  /** When somebody proved that the kit opens the repository. */
  confirmed: z.iso.datetime().optional(),
  /** Over all other fields as they are stored, under a key of the repository: see `slotDamage`. Old slots have none. */
  mac: z.string().optional(),
});
export type KeySlot = z.infer<typeof KeySlot>;

export interface NewSlot {
  readonly secret: Secret;
  readonly label: string;
  /** Tests lower it; at least 1,000. */
  readonly rounds?: number;
  readonly purpose?: 'recovery_kit';
  readonly confirmed?: string;
}

/** Wraps the master secrets so that `secret` opens them. */
export async function sealSlot(
  repository_id: Buffer,
  secrets: MasterSecrets,
  slot: NewSlot,
): Promise<KeySlot> {
  const bare = {
    version: 1 as const,
    id: randomBytes(16).toString('hex'),
    kind: 'password' in slot.secret ? ('passphrase' as const) : ('key_file' as const),
    label: slot.label,
    created: new Date().toISOString(),
    rounds: 'password' in slot.secret ? (slot.rounds ?? PASSPHRASE_ROUNDS) : 0,
    // Random for each slot, so that the key is used for one message and a fixed nonce is safe.
    salt: randomBytes(32).toString('base64'),
  };
  const key = await slotKey(bare, slot.secret);
  const cipher = createCipheriv('aes-256-gcm', key, NONCE).setAAD(slotAad(repository_id, bare));
  const body = Buffer.concat([
    cipher.update(secrets.master),
    cipher.update(secrets.id_secret),
    cipher.final(),
  ]);
  const { purpose, confirmed } = slot;
  const fields = {
    ...bare,
    sealed: Buffer.concat([body, cipher.getAuthTag()]).toString('base64'),
    ...(purpose !== undefined && { purpose }),
    ...(confirmed !== undefined && { confirmed }),
  };
  return { ...fields, mac: slotMac(deriveKey(secrets.master, repository_id, 'slot mac'), fields) };
}

/** The master secrets, or undefined where this secret does not open this slot. */
export async function openSlot(
  repository_id: Buffer,
  slot: KeySlot,
  secret: Secret,
): Promise<MasterSecrets | undefined> {
  if ((slot.kind === 'passphrase') !== 'password' in secret) return undefined;
  const sealed = Buffer.from(slot.sealed, 'base64');
  if (sealed.length !== 2 * SECRET_BYTES + TAG_BYTES) throw damaged(`keys/${slot.id}: cut short`);
  const key = await slotKey(slot, secret);
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES });
  decipher.setAAD(slotAad(repository_id, slot)).setAuthTag(sealed.subarray(2 * SECRET_BYTES));
  const plain = decipher.update(sealed.subarray(0, 2 * SECRET_BYTES));
  try {
    decipher.final();
  } catch {
    // A wrong password and a flipped bit look the same; both mean that this slot does not open.
    return undefined;
  }
  return { master: plain.subarray(0, SECRET_BYTES), id_secret: plain.subarray(SECRET_BYTES) };
}

/** The stored form of a slot. */
export function encodeSlot(slot: KeySlot): Buffer {
  return Buffer.from(`${JSON.stringify(slot)}\n`, 'utf8');
}

/** Throws `repo_unsupported` for a slot of a kind or version that is not known, `repo_damaged` for what is no slot. */
export function decodeSlot(name: string, object: Buffer): KeySlot {
  let value: unknown;
  try {
    value = JSON.parse(object.toString('utf8'));
  } catch (error) {
    throw damaged(`${name}: not a key slot`, error);
  }
  const slot = KeySlot.safeParse(value);
  if (slot.success && name.endsWith(`/${slot.data.id}`)) return slot.data;
  if (slot.success) throw damaged(`${name}: the key slot of another name`);
  throw new RepositoryError('repo_unsupported', `${name}: a key slot that this version does not know`, {
    cause: slot.error,
  });
}

/**
 * What is wrong with a slot object, as a holder of the repository's keys sees it without the slot's own secret;
 * undefined: it is byte for byte what was stored. A slot of before there were macs is only looked at for its form.
 */
export function slotDamage(mac_key: Buffer, name: string, object: Buffer): string | undefined {
  let slot: KeySlot;
  try {
    slot = decodeSlot(name, object);
  } catch (error) {
    return reasonOf(error);
  }
  const { mac, ...fields } = JSON.parse(object.toString('utf8')) as Record<string, unknown>;
  const again = mac === undefined ? { ...slot } : { ...fields, mac };
  const is_as_written = object.equals(encodeSlot(again as KeySlot));
  const is_authentic = mac === undefined || mac === slotMac(mac_key, fields);
  return is_as_written && is_authentic ? undefined : `${name}: it was changed since it was stored`;
}

/** Over the JSON text without the field itself: nothing of it can change unseen. */
function slotMac(mac_key: Buffer, fields: Record<string, unknown>): string {
  return createHmac('sha256', mac_key).update(JSON.stringify(fields), 'utf8').digest('hex');
}

type SlotFields = Pick<KeySlot, 'id' | 'kind' | 'rounds' | 'salt'>;

async function slotKey(slot: SlotFields, secret: Secret): Promise<Buffer> {
  const salt = Buffer.from(slot.salt, 'base64');
  if (!('password' in secret)) return deriveKey(secret.key_file_bytes, salt, 'slot');
  if (slot.rounds < ROUNDS_MIN || slot.rounds > ROUNDS_MAX) {
    throw damaged(`keys/${slot.id}: ${slot.rounds} rounds is out of bounds`);
  }
  const stretched = await pbkdf2Async(
    secret.password.normalize('NFC'),
    salt,
    slot.rounds,
    SECRET_BYTES,
    'sha256',
  );
  return deriveKey(stretched, salt, 'slot');
}

/** All that decides how the slot is opened; label and date are for people only. */
function slotAad(repository_id: Buffer, slot: SlotFields): Buffer {
  const lines = [
    'holdfast/1 key slot',
    repository_id.toString('hex'),
    slot.id,
    slot.kind,
    slot.rounds,
    slot.salt,
  ];
  return Buffer.from(lines.join('\n'), 'utf8');
}
