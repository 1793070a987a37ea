import type { BlobStore } from '@holdfast/storage/blob-store';

export type Operation = 'put' | 'get' | 'list' | 'delete';

/** A store that asks before each operation: the hook may wait, do other work, or throw. */
export function hookStore(
  store: BlobStore,
  before: (operation: Operation, name: string) => Promise<void>,
): BlobStore {
  return {
    location: store.location,
    async put(name, data) {
      await before('put', name);
      return store.put(name, data);
    },
    async get(name, range) {
      await before('get', name);
      return store.get(name, range);
    },
    async *list(prefix) {
      await before('list', prefix);
      yield* store.list(prefix);
    },
    async *names(prefix) {
      await before('list', prefix);
      yield* store.names(prefix);
    },
    async delete(name) {
      await before('delete', name);
      await store.delete(name);
    },
    freeReserve: async () => (await store.freeReserve?.()) ?? false,
  };
}
