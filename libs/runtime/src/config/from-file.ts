import { readFile } from 'node:fs/promises';
import { HoldfastError, systemCode } from '@holdfast/contracts/errors';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import type { KeyPath } from './schema-walk.ts';
import { isTree, type Tree } from './tree.ts';

/** A parsed file that knows where everything stands in it. */
export interface ConfigFile {
  readonly tree: Tree;
  /** `holdfast.yaml:12:3`: the key at the path, else the nearest that encloses it; `key`: a name in that mapping. */
  place(path: KeyPath, key?: string): string;
}

/** Reads a YAML file; `config_invalid` where there is none or it is no YAML, with the place. */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    const why =
      systemCode(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read (${systemCode(cause)})`;
    throw new HoldfastError('config_invalid', `${file}: ${why}`, { cause });
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) {
    throw new HoldfastError('config_invalid', `${at(error.pos[0])} ${error.message.split('\n', 1)[0]}`, {
      cause: error,
    });
  }
  const tree: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isTree(tree))
    throw new HoldfastError('config_invalid', `${at(0)} must be a mapping of keys to values`);
  return { tree, place: (path, key) => at(offsetOf(document, path, key)) };
}

/** Of the name that leads to the value, of the item in a list; else of what encloses it. */
function offsetOf(document: Document, path: KeyPath, key?: string): number {
  const whole = key === undefined ? path : [...path, key];
  for (let depth = whole.length; depth > 0; depth--) {
    const name = whole[depth - 1];
    const parent = document.getIn(whole.slice(0, depth - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isNode(item.key) && String(item.key) === String(name));
      if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0] ?? 0;
    }
    const item = isSeq(parent) ? parent.get(Number(name), true) : undefined;
    if (isNode(item)) return item.range?.[0] ?? 0;
  }
  return 0;
}
