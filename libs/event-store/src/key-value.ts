import { HoldfastError } from '@holdfast/contracts/errors';

/** A value with its revision; revisions grow over the whole bucket. */
export interface KeyValueEntry {
  readonly value: Uint8Array;
  readonly revision: number;
}

/** Called with each change; null where the key was deleted. */
export type KeyValueWatcher = (key: string, value: Uint8Array | null) => void;

/** Small shared state: tokens, leases, silences. Keys are of letters, digits and `-_./=`. */
export interface KeyValue {
  get(key: string): Promise<KeyValueEntry | null>;
  /** `event_conflict` where the key is there already. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** `event_conflict` where the revision is no longer the one expected. */
  put(key: string, value: Uint8Array, expected_revision?: number): Promise<number>;
  /** Nothing happens where it is not there. */
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
  /** Resolves after it was called for all that is there, then goes on until disposed. */
  watch(on: KeyValueWatcher): Promise<AsyncDisposable>;
}

const conflict = (key: string) => new HoldfastError('event_conflict', `somebody else has written ${key}`);

/** The twin for tests: behaves as the bucket in NATS does, and forgets everything. */
export function createMemoryKeyValue(): KeyValue {
  const entries = new Map<string, KeyValueEntry>();
  const watchers = new Set<KeyValueWatcher>();
  let revision = 0;
  const tell = (key: string, value: Uint8Array | null) => {
    for (const watcher of watchers) watcher(key, value);
  };
  const write = (key: string, value: Uint8Array) => {
    revision += 1;
    entries.set(key, { value: value.slice(), revision });
    tell(key, value);
    return revision;
  };
  return {
    get: async (key) => entries.get(key) ?? null,
    create: async (key, value) => {
      if (entries.has(key)) throw conflict(key);
      return write(key, value);
    },
    put: async (key, value, expected_revision) => {
      const found = entries.get(key)?.revision ?? 0;
      if (expected_revision !== undefined && expected_revision !== found) throw conflict(key);
      return write(key, value);
    },
    delete: async (key) => {
      revision += 1;
      if (entries.delete(key)) tell(key, null);
    },
    keys: async () => [...entries.keys()],
    watch: async (on) => {
      for (const [key, { value }] of entries) on(key, value);
      watchers.add(on);
      return { [Symbol.asyncDispose]: async () => void watchers.delete(on) };
    },
  };
}
