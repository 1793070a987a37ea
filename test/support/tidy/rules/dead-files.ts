import { basename } from 'node:path';
import { isTest, resolveImport } from '../resolve.ts';
import type { Rule, Tree } from '../tree.ts';

/** Where a process or a worker begins: nobody imports these. */
const ENTRY = /\/src\/(main|[a-z-]*worker)\.ts$/;

/** A file in a package that nothing but its own test imports is not part of the program. */
export const deadFiles: Rule = (tree) => {
  const used = usedFiles(tree);
  const pages = [...tree.texts].filter(([path]) => path.endsWith('.html')).map(([, text]) => text);
  return tree.sources
    .map(({ path }) => path)
    .filter((path) => /^(libs|services|apps)\/[^/]+\/src\//.test(path))
    .filter((path) => !ENTRY.test(path) && !path.endsWith('.test.ts') && !used.has(path))
    .filter((path) => !pages.some((page) => page.includes(basename(path))))
    .map((file) => ({ file, line: 1, reason: 'nobody imports it: remove it, or use it' }));
};

function usedFiles({ sources, texts }: Tree): Set<string> {
  const used = new Set<string>();
  for (const { path, imports } of sources) {
    for (const { specifier } of imports) {
      const target = resolveImport(path, specifier, texts);
      const ownTest =
        target !== null && isTest(path) && path.replace(/(\.\w+)?\.test\.ts$/, '.ts') === target;
      if (target !== null && !ownTest) used.add(target);
    }
  }
  return used;
}
