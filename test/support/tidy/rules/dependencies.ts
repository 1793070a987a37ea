import { dirname } from 'node:path';
import { isTest, packageOf } from '../resolve.ts';
import type { Problem, Rule, Tree } from '../tree.ts';

/** A package says what it needs: what it only finds by luck of hoisting is gone with the next install. And no more. */
export const dependencies: Rule = (tree) => [...undeclared(tree), ...unused(tree)];

function undeclared(tree: Tree): Problem[] {
  return tree.sources
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
}

function unused({ sources, texts }: Tree): Problem[] {
  const manifests = [...texts.keys()].filter((path) =>
    /^(libs|services|apps)\/[^/]+\/package\.json$/.test(path),
  );
  return manifests.flatMap((file) => {
    const folder = dirname(file);
    const own = sources.filter(({ path }) => packageOf(path) === folder);
    const used = new Set(
      own.flatMap(({ imports }) => imports.map(({ specifier }) => packageName(specifier))),
    );
    const named = Object.keys(JSON.parse(texts.get(file) ?? '{}').dependencies ?? {});
    return named
      .filter((name) => !used.has(name))
      .map((name) => ({ file, line: 1, reason: `names ${name}, which nothing in it imports` }));
  });
}

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
