import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findJsonProblem } from './json-problem.ts';

describe('the place where JSON breaks', () => {
  test.each([
    ['', 1, 1, true],
    ['{"a": 1,', 1, 9, true],
    ['{\n  "a": tru', 2, 8, true],
    ['{"a": "cut', 1, 7, true],
    ['{"a": 1}}', 1, 9, false],
    ['{"a" 1}', 1, 6, false],
    ['[1, 2,]', 1, 7, false],
    ['{\n"a": xx\n}', 2, 6, false],
    ['\u0000\u0001', 1, 1, false],
    ['[1}', 1, 3, false],
  ])('%j', (text, line, column, unfinished) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(findJsonProblem(text)).toMatchObject({ line, column, unfinished });
  });

  test('every proper prefix of an object is unfinished, nothing worse', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
        const text = JSON.stringify(value, null, 1);
        const cut = text.slice(0, at % text.length);
        expect(findJsonProblem(cut).unfinished).toBe(true);
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });
});
