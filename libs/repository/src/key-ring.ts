import { randomBytes } from 'node:crypto';
import type { BlobStore } from '@holdfast/storage/blob-store';
import {
  decodeSlot,
  encodeSlot,
  type KeySlot,
  type NewSlot,
  openSlot,
  type Secret,
  sealSlot,
} from './crypto/key-slots.ts';
import { type MasterSecrets, SECRET_BYTES } from './crypto/keys.ts';
import { damaged, fromStorage, RepositoryError } from './errors.ts';

export const KEY_PREFIX = 'keys/';

/** What people see of a slot. */
export interface KeySlotInfo {
  readonly id: string;
  readonly kind: KeySlot['kind'];
  readonly label: string;
  readonly created: string;
  /** Only a recovery kit has one. */
  readonly purpose: 'recovery_kit' | null;
  /** When somebody proved that the kit opens the repository; null: nobody has, or it is no kit. */
  readonly confirmed: string | null;
  /** True for the slot that opened the repository just now. */
  readonly in_use: boolean;
}

/** The slots that open one repository. Changing them rewrites no data. */
export interface KeyRing {
  list(): Promise<KeySlotInfo[]>;
  /** Adds a slot, and reads it back to see that it opens; its id. */
  add(slot: NewSlot): Promise<string>;
  /** Removes a slot by its id or an unambiguous prefix; refuses the last one and the one in use. */
  remove(id: string): Promise<void>;
  /**
   * Gives the slot in use another passphrase: the new slot is durable and was opened before the old one goes, so a
   * crash leaves both. Its id. Refuses with `bad_request` where a key file is in use.
   */
  changePassword(slot: { password: string; rounds?: number }): Promise<string>;
  /** Adds a slot for a recovery kit: the secret for its page (crypto/recovery-kit.ts), which is kept nowhere else. */
  makeKit(): Promise<{ id: string; secret: Buffer }>;
  /** Notes that this secret of a kit opens the repository; the id of its slot. Rejects with `wrong_password`. */
  confirmKit(secret: Uint8Array): Promise<string>;
}

/** The secrets behind the first slot that `secret` opens; rejects with `wrong_password`, or `repo_damaged` where a slot is no good. */
export async function unlock(
  store: BlobStore,
  repository_id: Buffer,
  secret: Secret,
): Promise<{ secrets: MasterSecrets; slot_id: string }> {
  let failure: unknown;
  for (const slot of await readSlots(store)) {
    try {
      const secrets = await openSlot(repository_id, slot, secret);
      if (secrets !== undefined) return { secrets, slot_id: slot.id };
    } catch (error) {
      // One that is damaged does not bar the others.
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  throw new RepositoryError('wrong_password', `${store.location}: no key slot opens with this secret`);
}

/** Stores a slot, and opens what the store gives back of it; its id. */
export async function addSlot(
  store: BlobStore,
  repository_id: Buffer,
  content: { secrets: MasterSecrets; slot: NewSlot },
): Promise<string> {
  const slot = await sealSlot(repository_id, content.secrets, content.slot);
  const name = `${KEY_PREFIX}${slot.id}`;
  let stored: Buffer;
  try {
    await store.put(name, encodeSlot(slot));
    stored = await store.get(name);
  } catch (error) {
    throw fromStorage(error);
  }
  const opened = await openSlot(repository_id, decodeSlot(name, stored), content.slot.secret);
  if (opened === undefined || !opened.master.equals(content.secrets.master)) {
    throw damaged(`${name}: it does not open with what it was just sealed with`);
  }
  return slot.id;
}

/** The slots of an opened repository: listed, added to, removed from; never the last one, nor the one that opened it. */
export function createKeyRing(
  store: BlobStore,
  repository_id: Buffer,
  opened: { secrets: MasterSecrets; slot_id: string },
): KeyRing {
  return new StoredKeyRing(store, repository_id, opened);
}

class StoredKeyRing implements KeyRing {
  readonly #store: BlobStore;
  readonly #repository_id: Buffer;
  readonly #secrets: MasterSecrets;
  #in_use: string;

  constructor(store: BlobStore, repository_id: Buffer, opened: { secrets: MasterSecrets; slot_id: string }) {
    this.#store = store;
    this.#repository_id = repository_id;
    this.#secrets = opened.secrets;
    this.#in_use = opened.slot_id;
  }

  async list(): Promise<KeySlotInfo[]> {
    const slots = await readSlots(this.#store);
    return slots.map(({ id, kind, label, created, purpose, confirmed }) => ({
      id,
      kind,
      label,
      created,
      purpose: purpose ?? null,
      confirmed: confirmed ?? null,
      in_use: id === this.#in_use,
    }));
  }

  add(slot: NewSlot): Promise<string> {
    return addSlot(this.#store, this.#repository_id, { secrets: this.#secrets, slot });
  }

  async remove(id: string): Promise<void> {
    const slots = await readSlots(this.#store);
    const found = slots.filter((slot) => slot.id.startsWith(id));
    const [only] = found;
    if (only === undefined && (await this.#removeUnreadable(id))) return;
    if (only === undefined || found.length > 1) {
      throw new RepositoryError('not_found', `${id} names ${found.length} key slots`);
    }
    if (slots.length === 1 || only.id === this.#in_use) {
      throw new RepositoryError(
        'bad_request',
        `${only.id} is the slot in use: open with another one to remove it`,
      );
    }
    await this.#take(only, slots);
  }

  async changePassword({ password, rounds }: { password: string; rounds?: number }): Promise<string> {
    const slots = await readSlots(this.#store);
    const old = slots.find((slot) => slot.id === this.#in_use);
    if (old === undefined) throw new RepositoryError('not_found', 'the slot in use was removed');
    if (old.kind !== 'passphrase') {
      throw new RepositoryError(
        'bad_request',
        'a key file is in use, and no passphrase: whoever has that file would be locked out. Add a slot instead',
      );
    }
    const slot = { secret: { password }, label: old.label, ...(rounds !== undefined && { rounds }) };
    this.#in_use = await this.add(slot);
    await this.#take(old, await readSlots(this.#store));
    return this.#in_use;
  }

  async makeKit(): Promise<{ id: string; secret: Buffer }> {
    const secret = randomBytes(SECRET_BYTES);
    const slot: NewSlot = {
      secret: { key_file_bytes: secret },
      label: 'recovery kit',
      purpose: 'recovery_kit',
    };
    return { id: await this.add(slot), secret };
  }

  async confirmKit(secret: Uint8Array): Promise<string> {
    const key_file_bytes = Buffer.from(secret);
    const slots = await readSlots(this.#store);
    const kits = slots.filter((slot) => slot.purpose === 'recovery_kit');
    const opens = await Promise.all(
      kits.map((kit) => openSlot(this.#repository_id, kit, { key_file_bytes })),
    );
    const [kit, ...others] = kits.filter((_, index) => opens[index] !== undefined);
    if (kit === undefined)
      throw new RepositoryError('wrong_password', 'this kit does not open this repository');
    const known = [kit, ...others].find((slot) => slot.confirmed !== undefined);
    if (known !== undefined) return known.id;
    const { label } = kit;
    const confirmed = new Date().toISOString();
    const id = await this.add({ secret: { key_file_bytes }, label, purpose: 'recovery_kit', confirmed });
    if (kit.id === this.#in_use) this.#in_use = id;
    await this.#take(kit, await readSlots(this.#store));
    return id;
  }

  /** A slot that is damaged opens nothing and is in nobody's list: true where exactly one is named. */
  async #removeUnreadable(id: string): Promise<boolean> {
    try {
      const names = await Array.fromAsync(this.#store.names(`${KEY_PREFIX}${id}`));
      const [only] = names;
      if (only === undefined || names.length > 1) return false;
      await this.#store.delete(only);
      return true;
    } catch (error) {
      throw fromStorage(error);
    }
  }

  /**
   * Two who remove each other's slot at the same moment would leave none: whoever finds his own gone after he has
   * taken another puts it back.
   */
  async #take(slot: KeySlot, slots: readonly KeySlot[]): Promise<void> {
    const own = slots.find(({ id }) => id === this.#in_use);
    try {
      await this.#store.delete(`${KEY_PREFIX}${slot.id}`);
      if (own !== undefined) await this.#store.put(`${KEY_PREFIX}${own.id}`, encodeSlot(own));
    } catch (error) {
      throw fromStorage(error);
    }
  }
}

/** All slots that this version can read, by id; one that is damaged or newer does not bar the others. */
async function readSlots(store: BlobStore): Promise<KeySlot[]> {
  const slots: KeySlot[] = [];
  let failure: unknown;
  try {
    for await (const name of store.names(KEY_PREFIX)) {
      try {
        slots.push(decodeSlot(name, await store.get(name)));
      } catch (error) {
        failure ??= error;
      }
    }
  } catch (error) {
    throw fromStorage(error);
  }
  if (slots.length === 0 && failure !== undefined) throw fromStorage(failure);
  return slots.sort((one, other) => (one.id < other.id ? -1 : 1));
}
