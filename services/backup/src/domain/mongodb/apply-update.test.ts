import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { applyUpdate } from './apply-update.ts';

const bytes = (document: object) => Buffer.from(BSON.serialize(document));
const applied = (document: object, update: object, settled = true) =>
  BSON.deserialize(applyUpdate(bytes(document), bytes(update), settled));

test('fields are set in place, new ones come last, removed ones go', () => {
  const document = { _id: 1, a: 1, b: { c: 1, d: [1, 2, 3] }, e: 2 };
  const update = { updatedFields: { a: 9, 'b.d.1': 8, z: 7, 'b.n': 6 }, removedFields: ['e', 'b.c'] };
  const result = applied(document, update);
  expect(JSON.stringify(result)).toBe('{"_id":1,"a":9,"b":{"d":[1,8,3],"n":6},"z":7}');
});

test('arrays are truncated, then grow; a gap is filled with null', () => {
  const document = { a: [1, 2, 3, 4], b: { c: [1] } };
  const update = {
    truncatedArrays: [{ field: 'a', newSize: 2 }],
    updatedFields: { 'a.1': 'x', 'b.c.1': 2, 'b.c.3': 4 },
    removedFields: [],
  };
  expect(applied(document, update)).toEqual({ a: [1, 'x'], b: { c: [1, 2, null, 4] } });
});

test('what does not fit a document that is newer than the update is passed over', () => {
  const update = { updatedFields: { 'a.b': 1, 'c.0': 2 }, removedFields: ['d.e'] };
  expect(applied({ a: 5, c: 'text' }, update, false)).toEqual({ a: 5, c: 'text' });
});

test('a name with dots in it: known by MongoDB, or because nothing else can be meant', () => {
  const named = { updatedFields: { 'a.b': 1 }, disambiguatedPaths: { 'a.b': ['a.b'] } };
  expect(applied({ a: { b: 2 }, 'a.b': 3 }, named)).toEqual({ a: { b: 2 }, 'a.b': 1 });
  expect(applied({ x: 1 }, { updatedFields: { 'a.b': 1 } })).toEqual({ x: 1, 'a.b': 1 });
  expect(applied({ 'a.b': 3 }, { removedFields: ['a.b'] })).toEqual({});
});

test('set and removed fields at any depth are what JavaScript would make of them (fast-check)', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const leaf = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('x'), fc.constant(null));
  const level = (inner: fc.Arbitrary<unknown>) =>
    fc.dictionary(name, fc.oneof(leaf, inner), { maxKeys: 3, noNullPrototype: true });
  const document = level(level(level(leaf)));
  const edit = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }),
    value: fc.option(leaf, { nil: undefined }),
  });
  fc.assert(
    fc.property(document, fc.array(edit, { maxLength: 5 }), (start, edits) => {
      let stored: Buffer = bytes(start);
      const wanted = structuredClone(start) as Record<string, unknown>;
      for (const { path, value } of edits) {
        const parent = path.slice(0, -1).reduce<unknown>((at, part) => Object(at)[part], wanted);
        if (parent === null || typeof parent !== 'object') continue;
        const last = path.at(-1) ?? '';
        if (value === undefined) delete (parent as Record<string, unknown>)[last];
        else (parent as Record<string, unknown>)[last] = value;
        const update =
          value === undefined
            ? { removedFields: [path.join('.')] }
            : { updatedFields: { [path.join('.')]: value } };
        stored = applyUpdate(stored, bytes(update), true);
      }
      expect(stored.equals(bytes(wanted))).toBe(true);
    }),
  );
});
