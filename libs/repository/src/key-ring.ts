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
import type { MasterSecrets } from './crypto/keys.ts';
import { fromStorage, RepositoryError } from './errors.ts';

const KEY_PREFIX = 'keys/';

/** What people see of a slot. */
export interface KeySlotInfo {
  readonly id: string;
  readonly kind: KeySlot['kind'];
  readonly label: string;
  readonly created: string;
  /** True for the slot that opened the repository just now. */
  readonly in_use: boolean;
}

/** The slots that open one repository. Changing them rewrites no data. */
export interface KeyRing {
  list(): Promise<KeySlotInfo[]>;
  /** Adds a slot; its id. */
  add(slot: NewSlot): Promise<string>;
  /** Removes a slot by its id or an unambiguous prefix; refuses the last one and the one in use. */
  remove(id: string): Promise<void>;
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

/** Stores a slot; its id. */
export async function addSlot(
  store: BlobStore,
  repository_id: Buffer,
  content: { secrets: MasterSecrets; slot: NewSlot },
): Promise<string> {
  const slot = await sealSlot(repository_id, content.secrets, content.slot);
  try {
    await store.put(`${KEY_PREFIX}${slot.id}`, encodeSlot(slot));
  } catch (error) {
    throw fromStorage(error);
  }
  return slot.id;
}

/** The slots of an opened repository: listed, added to, removed from; never the last one, nor the one that opened it. */
export function createKeyRing(
  store: BlobStore,
  repository_id: Buffer,
  opened: { secrets: MasterSecrets; slot_id: string },
): KeyRing {
  return {
    async list() {
      const slots = await readSlots(store);
      return slots.map(({ id, kind, label, created }) => ({
        id,
        kind,
        label,
        created,
        in_use: id === opened.slot_id,
      }));
    },
    add: (slot) => addSlot(store, repository_id, { secrets: opened.secrets, slot }),
    async remove(id) {
      const slots = await readSlots(store);
      const found = slots.filter((slot) => slot.id.startsWith(id));
      const [only] = found;
      if (only === undefined || found.length > 1) {
        throw new RepositoryError('not_found', `${id} names ${found.length} key slots`);
      }
      if (slots.length === 1 || only.id === opened.slot_id) {
        throw new RepositoryError(
          'bad_request',
          `${only.id} is the slot in use: open with another one to remove it`,
        );
      }
      await store.delete(`${KEY_PREFIX}${only.id}`);
    },
  };
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
