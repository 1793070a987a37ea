import { basename } from 'node:path';
import type { Rule } from '../tree.ts';

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|int\.test|property\.test))?\.(ts|mjs|cjs|js)$/;
const DUMP = /^(utils?|helpers?|common|misc|shared|manager|types)\.ts$/;

/** A file is found by its name: kebab-case, one noun or verb, no barrels and no drawers for everything. */
export const fileNames: Rule = ({ sources }) =>
  sources.flatMap(({ path }) => {
    const name = basename(path);
    const reason =
      name === 'index.ts'
        ? 'is a barrel: import the file that you mean'
        : DUMP.test(name)
          ? 'is a drawer for everything: name it for what it holds'
          : NAME.test(name) || name === 'jest.config.js'
            ? null
            : 'is not kebab-case';
    return reason === null ? [] : [{ file: path, line: 1, reason }];
  });
