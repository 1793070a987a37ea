import { describe, expect, test } from '@jest/globals';
import { literalPaths } from './literal-paths.ts';

describe('the literal part of patterns', () => {
  test('is where a walk can begin', () => {
    expect(literalPaths(['/srv/a.txt'])).toEqual(['/srv/a.txt']);
    expect(literalPaths(['/srv/data/', '/srv/x*/y', '/srv/{a,b}/c', '/*'])).toEqual([
      '/srv/data',
      '/srv',
      '/srv',
      '/',
    ]);
    expect(literalPaths(['/srv/a b/ñ.json'])).toEqual(['/srv/a b/ñ.json']);
  });

  test('is nothing where one of them can match anywhere, or there is none', () => {
    expect(literalPaths(['/srv/a', '*.txt'])).toBeUndefined();
    expect(literalPaths([])).toBeUndefined();
    expect(literalPaths(undefined)).toBeUndefined();
  });
});
