import { expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isWithin } from '../paths.ts';
import { targetsOf } from './targets.ts';

const path = fc
  .array(fc.constantFrom('a', 'b', 'a b', 'a.b', 'a-'), { maxLength: 4 })
  .map((names) => `/${names.join('/')}`);

test('targets are the outermost of the paths, each once and in order of keys', () => {
  fc.assert(
    fc.property(fc.array(path), (paths) => {
      const keys = targetsOf(paths).map(({ key }) => key);
      const all = [...new Set(paths.flatMap((one) => targetsOf([one]).map(({ key }) => key)))].sort();
      const outermost = all.filter((key) => !all.some((above) => above !== key && isWithin(key, above)));
      expect(keys).toEqual(outermost);
    }),
  );
});

test('a path is compared with the one before it, not with all', () => {
  using startsWith = jest.spyOn(String.prototype, 'startsWith');
  targetsOf(Array.from({ length: 1_000 }, (_, at) => `/folder/${at}`));
  expect(startsWith.mock.calls.length).toBeLessThan(10_000);
});
