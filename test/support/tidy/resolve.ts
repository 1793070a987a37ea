import { posix } from 'node:path';

/** Where a file lives: `libs/runtime`, `services/audit`, `apps/cli`; else its first folder. */
export function packageOf(path: string): string {
  const [top = '', name = ''] = path.split('/');
  return ['libs', 'services', 'apps'].includes(top) ? `${top}/${name}` : top;
}

/** The folder of a workspace package by its name: `@holdfast/runtime` is `libs/runtime`. */
export function folderOf(name: string, texts: ReadonlyMap<string, string>): string | null {
  return FOLDERS.map((top) => `${top}/${name}`).find((folder) => texts.has(`${folder}/package.json`)) ?? null;
}

const FOLDERS = ['libs', 'services', 'apps'];

/** The file of this checkout that a specifier means, seen from `from`; null for Node's and others' modules. */
export function resolveImport(
  from: string,
  specifier: string,
  texts: ReadonlyMap<string, string>,
): string | null {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const [, name, door] = /^@holdfast\/([^/]+)\/(.+)$/.exec(specifier) ?? [];
  const folder = name === undefined ? null : folderOf(name, texts);
  return folder === null ? null : `${folder}/src/${door}.ts`;
}

/** Tests and what only tests use. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|^(test|bench|libs\/testkit)\/|\/test\/|conformance\.ts$/.test(path);
}
