import { HoldfastConfig } from '@holdfast/contracts/config';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { z } from 'zod';
import { brokenReferences } from './references.ts';
import { type KeyPath, knownKeys, type SchemaNode } from './schema-walk.ts';
import type { Tree } from './tree.ts';

type Issue = z.core.$ZodIssue;

/** Says where a value came from: a place in a file, a variable, a flag. */
export type Place = (path: KeyPath, key?: string) => string;

/** The configuration, complete; `config_invalid` with one line: the first mistake's place, key, reason and remedy. */
export function checkConfig(tree: Tree, schema: SchemaNode, place: Place): HoldfastConfig {
  const checked = HoldfastConfig.safeParse(tree);
  if (checked.success) return withoutBrokenReferences(checked.data, place);
  const [first, ...others] = checked.error.issues.map(sharpen);
  if (first === undefined) throw checked.error;
  throw new HoldfastError('config_invalid', `${describe(first, schema, place)}${andMore(others.length)}`, {
    cause: checked.error,
  });
}

function withoutBrokenReferences(config: HoldfastConfig, place: Place): HoldfastConfig {
  const [first, ...others] = brokenReferences(config);
  if (first === undefined) return config;
  const { path, message } = first;
  throw new HoldfastError(
    'config_invalid',
    `${place(path)} ${path.join('.')}: ${message}${andMore(others.length)}`,
  );
}

function andMore(count: number): string {
  return count === 0 ? '' : ` (and ${count} more)`;
}

function describe(issue: Issue, schema: SchemaNode, place: Place): string {
  const path = issue.path as KeyPath;
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const near = closest(key, knownKeys(schema, path));
    const remedy = near === null ? '' : `; did you mean ${near}?`;
    return `${place(path, key)} ${[...path, key].join('.')}: no such key${remedy}`;
  }
  return `${place(path)} ${path.join('.') || 'holdfast.yaml'}: ${reasonOf(issue)}`;
}

function reasonOf(issue: Issue): string {
  if (issue.code === 'invalid_key') return 'a name may have letters, digits, - and _ only';
  return issue.message.replace(/^Invalid (input|option|string): /, '');
}

/** Of the alternatives of a union, tells of the one that came furthest. */
function sharpen(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.flat().toSorted((one, other) => other.path.length - one.path.length)[0];
  return inner === undefined ? issue : sharpen({ ...inner, path: [...issue.path, ...inner.path] } as Issue);
}

/** The known name that a mistyped one is nearest to, if it is near at all. */
function closest(typed: string, known: readonly string[]): string | null {
  const ranked = known
    .map((name) => ({ name, distance: editDistance(typed.toLowerCase(), name) }))
    .sort((one, other) => one.distance - other.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(1, Math.floor(typed.length / 3)) ? best.name : null;
}

function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (let column = 1; column <= other.length; column++) {
      const [left = 0, above = 0, diagonal = 0] = [next[column - 1], row[column], row[column - 1]];
      const swap = letter === other[column - 1] ? 0 : 1;
      next.push(Math.min(left + 1, above + 1, diagonal + swap));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
