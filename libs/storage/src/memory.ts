import { type BlobInfo, type BlobStore, StorageError } from './blob-store.ts';

/** A store that lives as long as the process: for tests, and what other stores are compared with. */
export function createMemoryStore(location = 'memory:'): BlobStore {
  const objects = new Map<string, Buffer>();

  return {
    location,

    async put(name, data) {
      if (objects.has(name)) return false;
      objects.set(name, Buffer.from(data));
      return true;
    },

    async get(name, range) {
      const data = objects.get(name);
      if (data === undefined) throw new StorageError('not_found', `get ${name}: no such object`);
      const start = range?.offset ?? 0;
      const end = range?.length === undefined ? data.length : start + range.length;
      if (start > data.length || end > data.length)
        throw new StorageError('short', `get ${name}: short object`);
      const copy = Buffer.allocUnsafeSlow(end - start);
      data.copy(copy, 0, start, end);
      return copy;
    },

    async *list(prefix): AsyncIterable<BlobInfo> {
      for (const [name, data] of [...objects]) {
        if (name.startsWith(prefix)) yield { name, size: data.length };
      }
    },

    async *names(prefix): AsyncIterable<string> {
      for (const name of [...objects.keys()]) if (name.startsWith(prefix)) yield name;
    },

    async delete(name) {
      objects.delete(name);
    },
  };
}
