/** A part of a configuration before it is checked. */
export type Tree = { [key: string]: unknown };

/** True for a mapping, not for a list. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `over` laid upon `under`: mappings are merged, all else is replaced. */
export function merge(under: Tree, over: Tree): Tree {
  const merged: Tree = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isTree(before) && isTree(value) ? merge(before, value) : value;
  }
  return merged;
}

/** A tree with one leaf. */
export function leaf(path: readonly string[], value: unknown): Tree {
  const [first = '', ...rest] = path;
  return { [first]: rest.length === 0 ? value : leaf(rest, value) };
}
