import type { Node } from 'oxc-parser';
import { chainOf, type ParsedFile, walk } from '../parse.ts';
import type { Problem, Rule } from '../tree.ts';

const NOT_RUN = /^((test|it|describe)\.(.*\.)?(only|skip|todo)|[fx](it|test|describe))\b/;
const MOCKS = /^jest\.(mock|unstable_mockModule|doMock)$/;
const TEST = /^(test|it)(\.|$)/;
const ASSERTS = /^(expect|assert|fc\.assert)(\.|$)|^(expect|assert)[A-Z]/;

/** Every test runs, and every test can fail. */
export const tests: Rule = ({ sources }) =>
  sources.filter(({ path }) => path.endsWith('.test.ts')).flatMap(problemsOf);

function problemsOf(file: ParsedFile): Problem[] {
  const asserting = assertingFunctions(file);
  const problems: Problem[] = [];
  walk(file.program, (node, parents) => {
    if (node.type !== 'CallExpression') return;
    const name = chainOf(node.callee);
    const tell = (reason: string) =>
      problems.push({ file: file.path, line: file.lineAt(node.start), reason });
    const isSkip = /\.skip\b/.test(name);
    const isTable = node.callee.type === 'CallExpression';
    if (NOT_RUN.test(name) && !isTable && !(isSkip && isConditional(parents))) {
      tell(`${name}: a test that does not run proves nothing`);
    }
    if (MOCKS.test(name)) tell(`${name}: a mocked module proves the mock; pass in a fake`);
    const body = node.arguments.find((argument) => argument.type.endsWith('FunctionExpression'));
    if (TEST.test(name) && !isSkip && body !== undefined && !asserts(body, asserting))
      tell('asserts nothing: it cannot fail');
  });
  return problems;
}

/** Skipped only where something is missing; with CI=true what is missing fails the run. */
function isConditional(parents: readonly Node[]): boolean {
  return parents.some(({ type }) => type === 'IfStatement' || type === 'ConditionalExpression');
}

/** Names of this file's own functions that assert, by themselves or by calling one that does. */
function assertingFunctions({ program }: ParsedFile): Set<string> {
  const bodies = new Map<string, Node>();
  walk(program, (node) => {
    if (node.type === 'FunctionDeclaration' && node.id) bodies.set(node.id.name, node);
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && node.init)
      bodies.set(node.id.name, node.init);
  });
  const found = new Set<string>();
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [name, body] of bodies) if (asserts(body, found)) found.add(name);
  }
  return found;
}

function asserts(body: Node, asserting: ReadonlySet<string>): boolean {
  let found = false;
  walk(body, (node) => {
    if (node.type !== 'CallExpression') return;
    const name = chainOf(node.callee);
    found ||= ASSERTS.test(name) || asserting.has(name);
  });
  return found;
}
