import { isTest, packageOf } from '../resolve.ts';
import type { Rule, Tree } from '../tree.ts';

/** A package says what it needs: what it only finds by luck of hoisting is gone with the next install. */
export const dependencies: Rule = (tree) =>
  tree.sources
    .filter(({ path }) => /^(libs|services|apps)\//.test(path))
    .flatMap(({ path, imports }) => {
      const declared = declaredBy(packageOf(path), isTest(path), tree);
      return imports
        .map(({ specifier, line }) => ({ name: packageName(specifier), line }))
        .filter(({ name }) => name !== null && !declared.has(name))
        .map(({ name, line }) => ({
          file: path,
          line,
          reason: `imports ${name}, which its package.json does not name`,
        }));
    });

function declaredBy(folder: string, withDevelopment: boolean, { texts }: Tree): Set<string> {
  const read = (path: string) => JSON.parse(texts.get(path) ?? '{}');
  const own = read(`${folder}/package.json`);
  const names = [own.name, ...Object.keys(own.dependencies ?? {})];
  if (!withDevelopment) return new Set(names);
  const root = read('package.json').devDependencies ?? {};
  return new Set([...names, ...Object.keys(own.devDependencies ?? {}), ...Object.keys(root)]);
}

function packageName(specifier: string): string | null {
  if (/^(\.|node:|\/)/.test(specifier) || !/^[@\w]/.test(specifier)) return null;
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}
