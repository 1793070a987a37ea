import { chainOf, type ParsedFile, walk } from '../parse.ts';
import { isTest, resolveImport } from '../resolve.ts';
import type { Problem, Rule, Tree } from '../tree.ts';

const PURE_MODULES = new Set(['node:path', 'node:crypto', 'node:util']);
const IMPURE_CALLS = new Set([
  'Date.now',
  'performance.now',
  'Math.random',
  'setTimeout',
  'setInterval',
  'fetch',
]);
const IMPORTS = 'domain/ imports contracts and itself only; pass in what it needs';
const PURE = 'domain/ is pure: pass in the time and what was read, return what is to be done';

/** What decides must be testable without a world around it. */
export const domain: Rule = (tree) =>
  tree.sources
    .filter(({ path }) => /\/src\/domain\//.test(path) && !isTest(path))
    .flatMap((file) => [...imports(file, tree), ...effects(file)]);

function imports(file: ParsedFile, { texts }: Tree): Problem[] {
  const own = file.path.slice(0, file.path.indexOf('/domain/') + '/domain/'.length);
  return file.imports.flatMap(({ specifier, line }) => {
    const target = resolveImport(file.path, specifier, texts);
    const allowed =
      target === null
        ? PURE_MODULES.has(specifier)
        : target.startsWith(own) || target.startsWith('libs/contracts/');
    return allowed ? [] : [{ file: file.path, line, reason: `imports ${specifier}: ${IMPORTS}` }];
  });
}

function effects(file: ParsedFile): Problem[] {
  const problems: Problem[] = [];
  walk(file.program, (node) => {
    const call = node.type === 'CallExpression' ? chainOf(node.callee) : '';
    const isNow =
      node.type === 'NewExpression' && chainOf(node.callee) === 'Date' && node.arguments.length === 0;
    const isAsync = node.type === 'AwaitExpression' || ('async' in node && node.async === true);
    if (!IMPURE_CALLS.has(call) && !isNow && !isAsync) return;
    const what = isAsync ? 'is asynchronous' : `calls ${call || 'new Date()'}`;
    problems.push({ file: file.path, line: file.lineAt(node.start), reason: `${what}: ${PURE}` });
  });
  return problems;
}
