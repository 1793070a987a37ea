import { resolveImport } from '../resolve.ts';
import type { Problem, Rule, Tree } from '../tree.ts';

/** Files that need each other before either can run are one file in two. Types do not count, nor what is loaded later. */
export const cycles: Rule = (tree) => {
  const graph = runtimeGraph(tree);
  const done = new Set<string>();
  const problems: Problem[] = [];
  const enter = (file: string, way: readonly string[]) => {
    const at = way.indexOf(file);
    if (at >= 0) {
      const loop = [...way.slice(at), file].join(' → ');
      problems.push({
        file,
        line: 1,
        reason: `import cycle ${loop}: move what both need into a file of its own`,
      });
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) enter(next, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) enter(file, []);
  return problems;
};

function runtimeGraph({ sources, texts }: Tree): Map<string, string[]> {
  return new Map(
    sources.map(({ path, imports }) => {
      const targets = imports
        .filter(({ kind }) => kind === 'value')
        .map(({ specifier }) => resolveImport(path, specifier, texts))
        .filter((target) => target !== null);
      return [path, targets];
    }),
  );
}
