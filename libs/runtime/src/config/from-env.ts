import { parse } from 'yaml';
import { type SchemaNode, variants } from './schema-walk.ts';
import { isTree, leaf, merge, type Tree } from './tree.ts';

/** One key that was given by a variable. */
export interface EnvKey {
  readonly variable: string;
  readonly path: readonly string[];
}

const PREFIX = 'HOLDFAST_';

/**
 * The keys that the environment gives: `HOLDFAST_` and the path in capitals, so `HOLDFAST_HTTP_PORT` is `http.port`;
 * names that people chose (of sources, channels) are those of `under`, or one word. `NATS_URL` is `nats.url`;
 * `MONGODB_URL` is the address of every source that reads a database. Empty variables and those that fit no key say
 * nothing.
 */
export function readEnv(
  env: NodeJS.ProcessEnv,
  schema: SchemaNode,
  under: Tree,
): { tree: Tree; keys: EnvKey[] } {
  let tree: Tree = {};
  const keys: EnvKey[] = [];
  const give = (variable: string, path: readonly string[], value: unknown) => {
    tree = merge(tree, leaf(path, value));
    keys.push({ variable, path });
  };
  if (env['NATS_URL']) give('NATS_URL', ['nats', 'url'], env['NATS_URL']);
  for (const source of databaseSources(under)) {
    if (env['MONGODB_URL']) give('MONGODB_URL', ['sources', source, 'mongodb_url'], env['MONGODB_URL']);
  }
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || !text) continue;
    const found = findKey(schema, variable.slice(PREFIX.length), under);
    if (found !== null) give(variable, found.path, found.isText ? text : parse(text));
  }
  return { tree, keys };
}

function databaseSources({ sources }: Tree): string[] {
  if (!isTree(sources)) return [];
  return Object.entries(sources)
    .filter(([, source]) => isTree(source) && ('mongodb_collections' in source || 'database' in source))
    .map(([name]) => name);
}

/** The path whose names, in capitals and joined by `_`, are `rest`. Tried with backtracking: keys have `_` too. */
function findKey(node: SchemaNode, rest: string, under: unknown): { path: string[]; isText: boolean } | null {
  for (const [key, child] of variants(node).flatMap((variant) => namesIn(variant, rest, under))) {
    const found = step(child, key, rest, under);
    if (found !== null) return found;
  }
  return null;
}

/** What may stand next: the keys that there are, and where people choose names, theirs or the next word. */
function namesIn(
  { properties, additionalProperties }: SchemaNode,
  rest: string,
  under: unknown,
): [string, SchemaNode][] {
  const fixed = Object.entries(properties ?? {});
  if (typeof additionalProperties !== 'object') return fixed;
  const chosen = isTree(under) ? Object.keys(under) : [];
  const word = rest.split('_', 1)[0] ?? '';
  return [
    ...fixed,
    ...[...chosen, word.toLowerCase()].map((name): [string, SchemaNode] => [name, additionalProperties]),
  ];
}

function step(child: SchemaNode, key: string, rest: string, under: unknown) {
  const capitals = key.toUpperCase().replaceAll('-', '_');
  const alternatives = variants(child);
  if (rest === capitals) {
    const isText = alternatives.some(({ type }) => type === 'string');
    return { path: [key], isText: isText && !alternatives.some(({ type }) => type === 'integer') };
  }
  if (!rest.startsWith(`${capitals}_`)) return null;
  const deeper = findKey(child, rest.slice(capitals.length + 1), isTree(under) ? under[key] : undefined);
  return deeper === null ? null : { path: [key, ...deeper.path], isText: deeper.isText };
}
