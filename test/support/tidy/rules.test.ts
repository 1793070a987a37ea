import { describe, expect, test } from '@jest/globals';
import { cycles } from './rules/cycles.ts';
import { deadFiles } from './rules/dead-files.ts';
import { dependencies } from './rules/dependencies.ts';
import { domain } from './rules/domain.ts';
import { fileNames } from './rules/file-names.ts';
import { layers } from './rules/layers.ts';
import { outside } from './rules/outside.ts';
import { rooms } from './rules/rooms.ts';
import { size } from './rules/size.ts';
import { tests } from './rules/tests.ts';
import { wireNames } from './rules/wire-names.ts';
import { lines, type Rule, treeOf } from './tree.ts';

const PACKAGES = Object.fromEntries(
  [
    'libs/contracts',
    'libs/event-store',
    'libs/storage',
    'libs/repository',
    'libs/runtime',
    'libs/http',
    'libs/testkit',
  ]
    .concat(['services/audit', 'services/backup', 'apps/cli'])
    .map((folder) => [
      `${folder}/package.json`,
      JSON.stringify({ name: `@holdfast/${folder.split('/')[1]}` }),
    ]),
);

/** What a rule says of a tree with these files. */
const told = (rule: Rule, files: Record<string, string>) => lines(rule(treeOf({ ...PACKAGES, ...files })));

describe('imports point one way', () => {
  test.each([
    ['libs/contracts/src/a.ts', '@holdfast/runtime/clock'],
    ['libs/event-store/src/a.ts', '@holdfast/runtime/clock'],
    ['libs/storage/src/a.ts', '@holdfast/contracts/errors'],
    ['libs/repository/src/a.ts', '@holdfast/contracts/errors'],
    ['libs/runtime/src/a.ts', '@holdfast/http/server'],
    ['libs/testkit/src/a.ts', '@holdfast/audit/service'],
    ['services/audit/src/a.ts', '@holdfast/backup/service'],
    ['services/audit/src/a.ts', '../../backup/src/service.ts'],
    ['services/audit/src/a.ts', '@holdfast/testkit/nats'],
    ['services/audit/src/a.ts', '@nats-io/jetstream'],
    ['apps/cli/src/a.ts', '@holdfast/audit/adapters/event-log'],
  ])('not %s → %s, not for a type either', (from, specifier) => {
    expect(told(layers, { [from]: `import { a } from '${specifier}';` })).toHaveLength(1);
    expect(told(layers, { [from]: `import type { A } from '${specifier}';` })).toHaveLength(1);
    expect(told(layers, { [from]: `export const a = await import('${specifier}');` })).toHaveLength(1);
  });

  test.each([
    ['libs/http/src/a.ts', '@holdfast/runtime/clock'],
    ['libs/repository/src/a.ts', '@holdfast/storage/blob-store'],
    ['services/audit/src/a.ts', '@holdfast/http/server'],
    ['services/audit/src/a.test.ts', '@holdfast/testkit/nats'],
    ['apps/cli/src/a.ts', '@holdfast/audit/service'],
    ['libs/event-store/src/a.ts', '@nats-io/jetstream'],
  ])('but %s → %s', (from, specifier) => {
    expect(told(layers, { [from]: `import { a } from '${specifier}';` })).toEqual([]);
  });

  test('and the reason is given', () => {
    expect(
      told(layers, { 'services/audit/src/a.ts': "\nimport { a } from '@holdfast/backup/service';" }),
    ).toEqual([
      'services/audit/src/a.ts:2 imports @holdfast/backup/service: services speak by events, never to each other',
    ]);
  });
});

describe('the domain is pure', () => {
  test.each([
    "import { readFileSync } from 'node:fs';",
    "import { z } from 'zod';",
    "import type { Clock } from '@holdfast/runtime/clock';",
    "import { store } from '../../adapters/store.ts';",
    'export const at = () => Date.now();',
    'export const at = () => new Date();',
    'export async function decide() {}',
    'setTimeout(() => undefined, 1);',
  ])('%s', (text) => {
    expect(told(domain, { 'services/audit/src/domain/trail/decide.ts': text })).toHaveLength(1);
  });

  test('contracts, itself, paths and hashes are fine', () => {
    const text = ["'@holdfast/contracts/catalog'", "'../entry/state.ts'", "'node:path'"].map(
      (from) => `import { a } from ${from};`,
    );
    const file = `${text.join('\n')}\nexport const day = (now_ms: number) => new Date(now_ms);`;
    expect(told(domain, { 'services/audit/src/domain/trail/decide.ts': file })).toEqual([]);
  });
});

test('import cycles', () => {
  const loop = {
    'libs/http/src/a.ts': "import { b } from './b.ts';",
    'libs/http/src/b.ts': "export { c } from './c.ts';",
    'libs/http/src/c.ts': "import { a } from '@holdfast/http/a';",
  };
  expect(told(cycles, loop).join()).toContain(
    'libs/http/src/a.ts → libs/http/src/b.ts → libs/http/src/c.ts → libs/http/src/a.ts',
  );
  expect(told(cycles, { ...loop, 'libs/http/src/c.ts': "import type { A } from './a.ts';" })).toEqual([]);
  expect(told(cycles, { ...loop, 'libs/http/src/c.ts': "import { type A } from './a.ts';" })).toEqual([]);
});

test('names on the wire', () => {
  const spelled = [
    "'holdfast.event.file.>'",
    '`holdfast.command.backup.$' + '{verb}`',
    "'EVENTS'",
    '"TOKENS"',
  ];
  for (const text of spelled) {
    expect(told(wireNames, { 'services/audit/src/a.ts': `export const a = ${text};` })).toHaveLength(1);
  }
  expect(told(wireNames, { 'libs/contracts/src/subjects.ts': "export const a = 'EVENTS';" })).toEqual([]);
  expect(
    told(wireNames, { 'services/audit/src/a.ts': "// 'holdfast.event.file'\nexport const a = 'my EVENTS';" }),
  ).toEqual([]);
});

test('length of functions and files', () => {
  const steps = (count: number) => 'step();\n'.repeat(count);
  expect(told(size, { 'libs/http/src/a.ts': `function a() {\n${steps(69)}}` })[0]).toContain(
    'a function of 71 lines',
  );
  expect(told(size, { 'libs/http/src/a.ts': `const a = () => {\n${steps(68)}};` })).toEqual([]);
  expect(told(size, { 'libs/http/src/a.ts': `class A { a() {\n${steps(70)}} }` })).toHaveLength(1);
  expect(
    told(size, { 'libs/http/src/a.test.ts': `describe('a', () => {\ntest('b', b);${steps(80)}});` }),
  ).toEqual([]);
  expect(told(size, { 'libs/http/src/a.ts': steps(401) })).toEqual([
    'libs/http/src/a.ts:1 has 401 lines, more than 400: it is about more than one thing',
  ]);
});

test('names of files', () => {
  const told_of = (path: string) => told(fileNames, { [path]: '' }).length;
  expect(
    ['libs/http/src/index.ts', 'libs/http/src/utils.ts', 'libs/http/src/readToken.ts'].map(told_of),
  ).toEqual([1, 1, 1]);
  expect(['libs/http/src/read-token.ts', 'libs/http/src/a.int.test.ts'].map(told_of)).toEqual([0, 0]);
});

describe('tests', () => {
  const said = (text: string) => told(tests, { 'libs/http/src/a.test.ts': text });

  test.each([
    "test.only('a', () => expect(1).toBe(1));",
    "describe.skip('a', () => {});",
    "test.todo('a');",
    "fit('a', () => expect(1).toBe(1));",
    "test.only.each([1])('a', () => expect(1).toBe(1));",
    "jest.mock('./b.ts');",
    "test('a', () => { run(); });",
    "test.each([1])('a', async () => { await run(); });",
    "const check = () => run(); test('a', () => check());",
  ])('%s', (text) => {
    expect(said(text)).toHaveLength(1);
  });

  test.each([
    "test('a', () => { expect(1).toBe(1); });",
    "const check = () => expect(1).toBe(1); const all = () => check(); test('a', () => all());",
    "test('a', () => fc.assert(property));",
    "if (there) suite(); else test.skip('a', () => undefined);",
    'const maybe = there ? test : test.skip;',
  ])('but %s', (text) => {
    expect(said(text)).toEqual([]);
  });
});

test('dead files', () => {
  const files = {
    'libs/http/src/main.ts': "import { a } from './a.ts'; new Worker(new URL('./w.ts', import.meta.url));",
    'libs/http/src/a.ts': '',
    'libs/http/src/w.ts': '',
    'libs/http/src/dead.ts': '',
    'libs/http/src/dead.test.ts': "import { dead } from './dead.ts';",
  };
  expect(told(deadFiles, files)).toEqual(['libs/http/src/dead.ts:1 nobody imports it: remove it, or use it']);
  expect(
    told(deadFiles, { ...files, 'services/audit/src/main.ts': "import '@holdfast/http/dead';" }),
  ).toEqual([]);
});

test('dependencies that are not named', () => {
  const files = {
    'libs/http/src/a.ts':
      "import pino from 'pino'; import { z } from 'zod/v4'; import '@holdfast/http/b'; import 'node:fs';",
  };
  const named = {
    'libs/http/package.json': JSON.stringify({
      name: '@holdfast/http',
      dependencies: { zod: '4', yaml: '2' },
    }),
  };
  expect(told(dependencies, { ...files, ...named })).toEqual([
    'libs/http/src/a.ts:1 imports pino, which its package.json does not name',
    'libs/http/package.json:1 names yaml, which nothing in it imports',
  ]);
});

test('rooms', () => {
  const audit = [
    'README.md',
    'src/main.ts',
    'src/service.ts',
    'src/config.ts',
    'src/domain/a/state.ts',
    'src/adapters/a.ts',
  ]
    .concat(['src/consumers/on-event.ts'])
    .map((path) => [`services/audit/${path}`, '']);
  const lacking = told(rooms, Object.fromEntries(audit)).filter((line) => line.startsWith('services/audit'));
  expect(lacking).toEqual([
    'services/audit:1 lacks src/http/serve-routes.ts: all services have the same rooms',
    'services/audit:1 lacks src/http/: all services have the same rooms',
  ]);
});

test('places outside', () => {
  const place = ['..', 'shared'].join('/');
  expect(told(outside, { 'README.md': `ok\nsee ${place}/DESIGN.md` })).toEqual([
    `README.md:2 names ${place}, which is outside of the repository`,
  ]);
  expect(told(outside, { 'README.md': 'a shared folder' })).toEqual([]);
});
