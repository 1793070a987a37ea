import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { printable } from './printable.ts';

test('what a terminal would obey is spelled', () => {
  expect(printable('a\u001b[2Jb\nc\rd\te\u007f\u0000')).toBe('a\\x1b[2Jb\\nc\\rd\\te\\x7f\\x00');
  expect(printable('\u009b31m')).toBe('\\u009b31m');
  expect(printable('invoice\u202efdp.exe')).toBe('invoice\\u202efdp.exe');
  expect(printable('a\u2028b\u2069\ufeff\u00ad')).toBe('a\\u2028b\\u2069\\ufeff\\u00ad');
  expect(printable('tag \u{e0041}')).toBe('tag \\u{e0041}');
});

test('bytes that are no UTF-8 are spelled as bytes', () => {
  expect(printable('/srv/\udcff\udc80')).toBe('/srv/\\xff\\x80');
  expect(printable('\ud800')).toBe('\\ud800');
});

test('names that people write stay as they are', () => {
  const names = ['/srv/ñandú/конференция 👩‍👩‍👧 نوشته‌ها.json', 'C:\\x1b', 'it\'s "this" $(one)'];
  expect(names.map(printable)).toEqual(names);
});

test('nothing is left that acts, and a second time changes nothing', () => {
  const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
    const shown = printable(text);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
    expect(printable(shown)).toBe(shown);
  });
  fc.assert(property);
});
