import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ParsedFile, parseFile } from './parse.ts';

/** What the rules look at. */
export interface Tree {
  /** Every text file by its path from the checkout. */
  readonly texts: ReadonlyMap<string, string>;
  readonly sources: readonly ParsedFile[];
}

/** One thing that is not as it should be, and why that matters. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export type Rule = (tree: Tree) => Problem[];

const SKIPPED = new Set([
  'node_modules',
  '.git',
  '.cache',
  '.holdfast',
  'sample.tmp',
  'results',
  'golden',
  'coverage',
]);
const TEXT = /\.(ts|mjs|cjs|js|json|md|yaml|yml|sh|html|css|py|conf)$|(^|\/)(holdfast|run|\.gitignore)$/;
const SOURCE = /\.(ts|mjs|cjs|js)$/;

/** A tree from texts: for the fixtures of the rules. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  const texts = new Map(Object.entries(files));
  const sources = [...texts]
    .filter(([path]) => SOURCE.test(path))
    .map(([path, text]) => parseFile(path, text));
  return { texts, sources };
}

/** The whole checkout, as it stands, committed or not. */
export function readTree(checkout: string): Tree {
  const files: Record<string, string> = {};
  const enter = (folder: string) => {
    for (const entry of readdirSync(join(checkout, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && path !== 'sample') enter(path);
      if (entry.isFile() && TEXT.test(path) && path !== 'pnpm-lock.yaml') {
        files[path] = readFileSync(join(checkout, path), 'utf8');
      }
    }
  };
  enter('');
  return treeOf(files);
}

/** One line a problem, as an editor can follow it. */
export function lines(problems: readonly Problem[]): string[] {
  return problems.map(({ file, line, reason }) => `${file}:${line} ${reason}`);
}
