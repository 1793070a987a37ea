import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chunkId, deriveKeys } from '../crypto/keys.ts';
import { decodeEntry, encodeEntry, idsOf, isSameEntry, type StoredEntry, toEntry } from './entry-codec.ts';
import { encodeXattrs } from './xattr-codec.ts';

const keys = deriveKeys(Buffer.alloc(16), { master: Buffer.alloc(32, 1), id_secret: Buffer.alloc(32, 2) });

const entry = {
  kind: 'file',
  size: 5_000_000_000,
  mode: 0o4755,
  uid: 1000,
  gid: 4_294_967_294,
  mtime_ns: -1n,
  digest: Buffer.alloc(32, 7),
  is_list: false,
  ids: Buffer.alloc(64, 9),
} as const satisfies StoredEntry;

describe('an entry', () => {
  test('comes back with its attributes in order of their names, and with its holes', () => {
    const xattrs = encodeXattrs([
      { name: Buffer.from('user.b'), value: Buffer.from([0, 255]) },
      { name: Buffer.from('user.a\xff', 'latin1'), value: Buffer.alloc(0) },
    ]);
    const stored = decodeEntry(encodeEntry({ ...entry, xattrs, sparse: true, link_group: '1:2' }));
    expect(stored).toEqual({ ...entry, xattrs, sparse: true, link_group: '1:2' });
    expect(toEntry('srv', stored, idsOf(keys, stored))).toMatchObject({
      sparse: true,
      xattrs: [
        { name: 'user.a\udcff', value: Buffer.alloc(0) },
        { name: 'user.b', value: Buffer.from([0, 255]) },
      ],
    });
  });

  test('without them has neither field, and passes over tags from 128 on that it does not know', () => {
    const plain = encodeEntry(entry);
    expect(Object.keys(decodeEntry(plain))).not.toContain('xattrs');
    expect(Object.keys(decodeEntry(plain))).not.toContain('sparse');
    const of_the_future = Buffer.concat([plain.subarray(0, -1), Buffer.from([1, 0xfe, 0x01, 1, 42])]);
    expect(decodeEntry(of_the_future)).toEqual(entry);
    const must_be_known = Buffer.concat([plain.subarray(0, -1), Buffer.from([1, 0x7f, 1, 42])]);
    expect(() => decodeEntry(must_be_known)).toThrow('not known (127)');
  });

  test('of one chunk holds no id: it follows from the digest', () => {
    const single: StoredEntry = { ...entry, ids: undefined };
    const value = encodeEntry(single);
    expect(value).toHaveLength(encodeEntry({ ...entry, ids: Buffer.alloc(32) }).length - 33);
    expect(decodeEntry(value)).toEqual(single);
    expect(idsOf(keys, decodeEntry(value)).equals(chunkId(keys, entry.digest))).toBe(true);
    expect(idsOf(keys, decodeEntry(encodeEntry(entry))).equals(entry.ids)).toBe(true);
    const flag_at = value.length - 2;
    expect(value[flag_at]).toBe(2);
    value[flag_at] = 3;
    expect(() => decodeEntry(value)).toThrow('not known (3)');
  });

  test('is the same with the id of its only chunk written out, and with no other', () => {
    const property = fc.property(
      fc.record({
        kind: fc.constantFrom('file' as const, 'directory' as const),
        size: fc.nat(5000),
        uid: fc.nat(1000),
        mtime_ns: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
        link_group: fc.option(fc.constantFrom('1:2', '3:45'), { nil: undefined }),
      }),
      fc.constantFrom('nothing', 'size', 'id', 'digest'),
      ({ link_group, ...fields }, changed) => {
        const base = { ...entry, ...fields, ...(link_group !== undefined && { link_group }) };
        const short = encodeEntry({ ...base, ids: undefined });
        const long = encodeEntry({
          ...base,
          ids: changed === 'id' ? Buffer.alloc(32, 1) : chunkId(keys, entry.digest),
          size: base.size + Number(changed === 'size'),
          digest: changed === 'digest' ? Buffer.alloc(32, 1) : entry.digest,
        });
        const is_same = changed === 'nothing' || (base.kind !== 'file' && changed !== 'size');
        expect(isSameEntry(keys, short, long)).toBe(is_same);
        expect(isSameEntry(keys, long, short)).toBe(is_same);
        expect(isSameEntry(keys, short, Buffer.from(short))).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 300, verbose: 1 });
  });
});
