import { describe, expect, test } from '@jest/globals';
import { decodeEntry, encodeEntry, type StoredEntry, toEntry } from './entry-codec.ts';
import { encodeXattrs } from './xattr-codec.ts';

const entry: StoredEntry = {
  kind: 'file',
  size: 5_000_000_000,
  mode: 0o4755,
  uid: 1000,
  gid: 4_294_967_294,
  mtime_ns: -1n,
  digest: Buffer.alloc(32, 7),
  is_list: false,
  ids: Buffer.alloc(64, 9),
};

describe('an entry', () => {
  test('comes back with its attributes in order of their names, and with its holes', () => {
    const xattrs = encodeXattrs([
      { name: Buffer.from('user.b'), value: Buffer.from([0, 255]) },
      { name: Buffer.from('user.a\xff', 'latin1'), value: Buffer.alloc(0) },
    ]);
    const stored = decodeEntry(encodeEntry({ ...entry, xattrs, sparse: true, link_group: '1:2' }));
    expect(stored).toEqual({ ...entry, xattrs, sparse: true, link_group: '1:2' });
    expect(toEntry('srv', stored, stored.ids)).toMatchObject({
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
});
