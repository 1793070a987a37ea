import { SourceConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { escapeGlob } from './path-pattern.ts';
import { type CompiledSource, compileSource, sourcesOf, withoutFolder } from './source-match.ts';

const source = (config: Partial<SourceConfig>): CompiledSource =>
  compileSource('docs', SourceConfig.parse({ root: '/srv/bmc', ...config }), '/etc');

const holds = (compiled: CompiledSource, ...paths: string[]) =>
  paths.filter((path) => compiled.matches(path));

describe('patterns', () => {
  test('a glob without a slash stays in the root', () => {
    const compiled = source({ paths: ['kb_populated_*.json'] });
    expect(holds(compiled, '/srv/bmc/kb_populated_1.json', '/srv/bmc/old/kb_populated_1.json')).toEqual([
      '/srv/bmc/kb_populated_1.json',
    ]);
    expect(compiled.roots).toEqual(['/srv/bmc']);
    expect(compiled.select('/srv/bmc', 'directory')).toBe(true);
    expect(compiled.select('/srv/bmc/old', 'directory')).toBe(false);
  });

  test('a slash at the end is a folder with all that is in it', () => {
    const compiled = source({ paths: ['logs/', 'data*/'] });
    const inside = ['/srv/bmc/logs/a', '/srv/bmc/logs/x/y/.hidden', '/srv/bmc/data-1/b/c'];
    expect(holds(compiled, ...inside, '/srv/bmc/log', '/srv/bmc/logs2/a')).toEqual(inside);
    expect(compiled.select('/srv/bmc/data-1/b', 'directory')).toBe(true);
  });

  test('a name without wildcards is a file, or a folder that turns out to be one', () => {
    const compiled = source({ paths: ['.env', 'credentials'] });
    expect(holds(compiled, '/srv/bmc/.env', '/srv/bmc/credentials/a.pem', '/srv/bmc/.env2')).toEqual([
      '/srv/bmc/.env',
      '/srv/bmc/credentials/a.pem',
    ]);
    expect(compiled.roots).toEqual(['/srv/bmc/.env', '/srv/bmc/credentials']);
    expect(compiled.select('/srv/bmc', 'directory')).toBe(true);
    expect(compiled.select('/srv/bmc/other', 'directory')).toBe(false);
  });

  test('segments are matched one by one on the way down', () => {
    const compiled = source({ paths: ['users/*/mail/**/*.eml'] });
    expect(compiled.roots).toEqual(['/srv/bmc/users']);
    expect(compiled.select('/srv/bmc/users/ana', 'directory')).toBe(true);
    expect(compiled.select('/srv/bmc/users/ana/photos', 'directory')).toBe(false);
    expect(compiled.select('/srv/bmc/users/ana/mail/2026/11', 'directory')).toBe(true);
    expect(
      holds(compiled, '/srv/bmc/users/ana/mail/x.eml', '/srv/bmc/users/ana/mail/1/2/x.eml'),
    ).toHaveLength(2);
  });

  test('braces that span a slash, absolute patterns, dots in the middle', () => {
    const compiled = source({ paths: ['{a,b/c}/*.txt', '/opt/app/*.conf', './d/../e/'] });
    const paths = ['/srv/bmc/a/1.txt', '/srv/bmc/b/c/1.txt', '/opt/app/x.conf', '/srv/bmc/e/f'];
    expect(holds(compiled, ...paths, '/srv/bmc/d/f')).toEqual(paths);
    expect(compiled.select('/srv/bmc/b/c', 'directory')).toBe(true);
  });

  test('no patterns: the whole root; neither root nor patterns: no file at all', () => {
    expect(source({ paths: [] }).matches('/srv/bmc/a/b/c')).toBe(true);
    const database = compileSource('db', SourceConfig.parse({ mongodb_collections: ['quotes'] }), '/srv');
    expect(database.roots).toEqual([]);
    expect(database.matches('/srv/a')).toBe(false);
  });

  test('a relative root counts from the base folder; the file system root works', () => {
    const compiled = compileSource('a', SourceConfig.parse({ root: '../x' }), '/srv/bmc');
    expect(compiled.roots).toEqual(['/srv/x']);
    const all = compileSource('a', SourceConfig.parse({ root: '/', paths: ['*.txt', 'etc/'] }), '/');
    expect(holds(all, '/a.txt', '/etc/hosts', '/var/a.txt')).toEqual(['/a.txt', '/etc/hosts']);
  });
});

describe('excludes', () => {
  test('a name leaves out files and folders at any depth', () => {
    const compiled = source({ paths: ['app/'], exclude_patterns: ['*.pyc', '.next/', 'dist'] });
    expect(holds(compiled, '/srv/bmc/app/x/a.pyc', '/srv/bmc/app/.next/b', '/srv/bmc/app/dist/c')).toEqual(
      [],
    );
    expect(compiled.select('/srv/bmc/app/x/dist', 'directory')).toBe(false);
    expect(compiled.matches('/srv/bmc/app/distant')).toBe(true);
  });

  test('a path is anchored at the root', () => {
    const compiled = source({ paths: ['./'], exclude_patterns: ['logs/*.old', 'data/tmp/'] });
    expect(holds(compiled, '/srv/bmc/logs/a.old', '/srv/bmc/data/tmp/x', '/srv/bmc/data/tmp')).toEqual([]);
    expect(holds(compiled, '/srv/bmc/x/logs/a.old', '/srv/bmc/data/temp')).toHaveLength(2);
  });

  test('editors, caches and locks are left out, unless they are spelled out or it is switched off', () => {
    const litter = [
      '/srv/bmc/.git/HEAD',
      '/srv/bmc/a/node_modules/b',
      '/srv/bmc/a.swp',
      '/srv/bmc/a~',
      '/srv/bmc/4913',
    ];
    expect(holds(source({}), ...litter)).toEqual([]);
    expect(holds(source({ default_excludes: false }), ...litter)).toEqual(litter);
    const spelled = source({ paths: ['yarn.lock', '.git/hooks/', '*.lock'] });
    expect(holds(spelled, '/srv/bmc/yarn.lock', '/srv/bmc/.git/hooks/x', '/srv/bmc/b.lock')).toHaveLength(2);
  });

  test('our own temporaries are left out, whatever is asked', () => {
    const own = '/srv/bmc/a/.holdfast-01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp';
    expect(source({ default_excludes: false }).matches(own)).toBe(false);
    expect(source({ default_excludes: false, paths: ['a/.holdfast-*.tmp'] }).matches(own)).toBe(false);
  });

  test('the data folder is left out, also where it is the root', () => {
    const compiled = withoutFolder(source({}), '/srv/bmc/.holdfast');
    expect(holds(compiled, '/srv/bmc/.holdfast/lock', '/srv/bmc/.holdfast2/a')).toEqual([
      '/srv/bmc/.holdfast2/a',
    ]);
    expect(compiled.select('/srv/bmc/.holdfast', 'directory')).toBe(false);
    expect(withoutFolder(source({}), '/srv').roots).toEqual([]);
  });

  test('one folder after the other, in any order, gives the same verdicts', () => {
    const compiled = source({ exclude_patterns: ['skip'] });
    const paths = ['/srv/bmc/skip/a/b', '/srv/bmc/c', '/srv/bmc/skip/a', '/srv/bmc/d/e', '/srv/bmc/skip/f'];
    const verdicts = paths.map((path) => compiled.matches(path));
    expect(
      paths
        .toReversed()
        .map((path) => compiled.matches(path))
        .reverse(),
    ).toEqual(verdicts);
    expect(verdicts).toEqual([false, true, false, true, false]);
  });
});

test('one file may be in several sources', () => {
  const sources = [source({ paths: ['.env'] }), source({ paths: ['logs/'] }), source({ paths: ['*'] })];
  expect(sourcesOf(sources, '/srv/bmc/.env')).toEqual([sources[0], sources[2]]);
});

describe('for any name', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => !/[/\0]/.test(text) && !/^\.+$/.test(text));

  test('an escaped name matches itself and nothing else', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const compiled = source({ paths: [escapeGlob(one)], default_excludes: false });
        expect(compiled.matches(`/srv/bmc/${one}`)).toBe(true);
        expect(compiled.matches(`/srv/bmc/${other}`)).toBe(one === other);
        expect(compiled.roots).toEqual([`/srv/bmc/${one}`]);
      }),
    );
  });

  test('what matches is reachable: every folder on the way is entered', () => {
    const pattern = fc.constantFrom('**/*', '*/*/', 'a*/', '{x,y}*/**', '?*/*', './');
    fc.assert(
      fc.property(pattern, fc.array(name, { minLength: 1, maxLength: 4 }), (glob, names) => {
        const compiled = source({ paths: [glob], default_excludes: false });
        const path = `/srv/bmc/${names.join('/')}`;
        fc.pre(compiled.matches(path));
        for (let depth = 0; depth < names.length; depth++) {
          const folder = ['/srv/bmc', ...names.slice(0, depth)].join('/');
          expect(compiled.select(folder, 'directory')).toBe(true);
        }
      }),
    );
  });
});
