import { expect, test } from '@jest/globals';
import { cycles } from './support/tidy/rules/cycles.ts';
import { deadFiles } from './support/tidy/rules/dead-files.ts';
import { dependencies } from './support/tidy/rules/dependencies.ts';
import { domain } from './support/tidy/rules/domain.ts';
import { fileNames } from './support/tidy/rules/file-names.ts';
import { layers } from './support/tidy/rules/layers.ts';
import { outside } from './support/tidy/rules/outside.ts';
import { rooms } from './support/tidy/rules/rooms.ts';
import { size } from './support/tidy/rules/size.ts';
import { tests } from './support/tidy/rules/tests.ts';
import { wireNames } from './support/tidy/rules/wire-names.ts';
import { lines, readTree } from './support/tidy/tree.ts';

const tree = readTree(new URL('..', import.meta.url).pathname);

test.each([
  ['imports point one way', layers],
  ['the domain is pure', domain],
  ['there are no import cycles', cycles],
  ['packages name what they need', dependencies],
  ['names on the wire are spelled once', wireNames],
  ['files and functions are short', size],
  ['files are named for what they hold', fileNames],
  ['every test runs and can fail', tests],
  ['every file is used', deadFiles],
  ['all services have the same rooms', rooms],
  ['nothing outside of the repository is named', outside],
])('%s', (_what, rule) => {
  expect(lines(rule(tree))).toEqual([]);
});
