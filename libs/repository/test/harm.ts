import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import fc from 'fast-check';

/** What is done to an object: a bit flipped, its end cut off, removed, exchanged with another of its kind, or replaced by it. */
export interface Harm {
  readonly name: string;
  readonly how: 'flip' | 'cut' | 'remove' | 'swap' | 'replace';
  readonly at: number;
  readonly bit: number;
  readonly other: number;
}

/** Any harm to any of these objects. */
export function harmTo(names: readonly string[]): fc.Arbitrary<Harm> {
  return fc.record({
    name: fc.constantFrom(...names),
    how: fc.constantFrom('flip', 'flip', 'cut', 'cut', 'remove', 'swap', 'replace'),
    at: fc.nat(10_000_000),
    bit: fc.nat(7),
    other: fc.nat(),
  });
}

/** Names of objects, in order. */
export async function namesIn(store: BlobStore, prefix = ''): Promise<string[]> {
  return (await Array.fromAsync(store.names(prefix))).sort();
}

/** A copy of a store in which some objects are other than they were; undefined: gone. */
export async function copyWith(
  store: BlobStore,
  changed: Record<string, Buffer | undefined>,
): Promise<BlobStore> {
  const copy = createMemoryStore();
  for (const name of await namesIn(store)) {
    const data = name in changed ? changed[name] : await store.get(name);
    if (data !== undefined) await copy.put(name, data);
  }
  return copy;
}

/** Objects as they are after some harm was done; undefined: gone. */
export async function harmed(
  store: BlobStore,
  names: readonly string[],
  harm: Harm,
): Promise<Record<string, Buffer | undefined>> {
  const { name, how, at, bit } = harm;
  const data = Buffer.from(await store.get(name));
  const index = at % data.length;
  const kind = name.split('/')[0] ?? '';
  const same = names.filter((other) => other !== name && other.startsWith(kind));
  const other = same[harm.other % Math.max(1, same.length)];
  if (how === 'flip') data[index] = (data[index] as number) ^ (1 << bit);
  if (how === 'cut') return { [name]: data.subarray(0, index) };
  if (how === 'remove') return { [name]: undefined };
  if (how === 'flip' || other === undefined) return { [name]: how === 'flip' ? data : data.subarray(1) };
  const moved = await store.get(other);
  return how === 'swap' ? { [name]: moved, [other]: data } : { [name]: moved };
}
