import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import { escapeGlob } from '../path-pattern.ts';
import type { Tree } from './tree.ts';

/**
 * The configuration of `up PATH…`: every path is a source of its own, critical, healed by itself. Give it to
 * `loadConfig` as `defaults`. `not_found` names a path that is not there, `source_unreadable` one that may not be read.
 */
export function defaultConfig(paths: readonly string[]): Tree {
  const sources: Record<string, Tree> = {};
  for (const path of new Set(paths.map((given) => resolve(given)))) {
    sources[freeName(sources, path)] = {
      ...placeOf(path),
      priority: 'critical',
      on_delete: 'recover',
      backup_frequency: 'on_change',
    };
  }
  return { sources };
}

function placeOf(path: string): Tree {
  try {
    if (statSync(path).isDirectory()) return { root: path };
    return { root: dirname(path), paths: [escapeGlob(basename(path))] };
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ENOENT')
      throw new HoldfastError('not_found', `${path}: there is no such file or folder`, { cause });
    throw new HoldfastError('source_unreadable', `${path} cannot be read (${code ?? cause})`, { cause });
  }
}

function freeName(taken: object, path: string): string {
  const name =
    basename(path)
      .replace(/[^A-Za-z0-9_-]+/g, '_')
      .replace(/^_+|_+$/g, '') || 'root';
  let free = name;
  for (let count = 2; Object.hasOwn(taken, free); count++) free = `${name}_${count}`;
  return free;
}
