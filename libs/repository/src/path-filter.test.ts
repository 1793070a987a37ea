import { describe, expect, test } from '@jest/globals';
import { createPathFilter, createPathMatcher } from './path-filter.ts';

describe('a path filter', () => {
  test('takes everything unless told otherwise', () => {
    expect(createPathFilter({})('/srv/.hidden/x')).toBe(true);
  });

  test('matches from the root, at any depth, and all below a folder', () => {
    const filter = createPathFilter({ include: ['/srv/a', '*.json', 'logs/'] });
    const chosen = ['/srv/a', '/srv/a/b/c.txt', '/x/y.json', '/y.json', '/srv/logs/.old/1'];
    expect(chosen.filter((path) => !filter(path, 'file'))).toEqual([]);
    expect(['/srv/ab', '/x/json', '/srv/logs.txt'].filter((path) => filter(path, 'file'))).toEqual([]);
  });

  test('takes an absolute path as it is, whatever characters it has', () => {
    const filter = createPathFilter({ include: ['/srv/a (1) [x].txt', '/srv/{b}/'] });
    expect(filter('/srv/a (1) [x].txt', 'file')).toBe(true);
    expect(filter('/srv/{b}/c', 'file')).toBe(true);
    expect(filter('/srv/a (1) [x].txt.old', 'file')).toBe(false);
  });

  test('enters folders for what may be in them, but none that is excluded', () => {
    const filter = createPathFilter({ include: ['*.json'], exclude: ['node_modules'] });
    expect(filter('/srv', 'directory')).toBe(true);
    expect(filter('/srv/node_modules', 'directory')).toBe(false);
    expect(filter('/srv/node_modules/x.json', 'file')).toBe(false);
  });
});

test('a path matcher takes what has the name, and not what is below it', () => {
  const matches = createPathMatcher(['sub', '*.json', '/srv/x[1]']);
  expect(
    ['/srv/sub', '/a.json', '/b/c.json', '/srv/x[1]', '/srv/x1'].filter((path) => !matches(path)),
  ).toEqual([]);
  expect(['/srv/sub/file', '/a.jsonl', '/srv/x[1]/y'].filter(matches)).toEqual([]);
});

test('patterns hold for names with line breaks', () => {
  const isSelected = createPathFilter({ include: ['b/**'], exclude: ['*.log'] });
  expect(isSelected('/srv/b/two\nlines')).toBe(true);
  expect(isSelected('/srv/b/two\nlines.log')).toBe(false);
  expect(createPathMatcher(['b/**'])('/srv/b/two\nlines')).toBe(true);
});
