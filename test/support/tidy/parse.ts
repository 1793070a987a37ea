import { type Node, parseSync } from 'oxc-parser';

/** One reference from a file to another module. */
export interface Import {
  readonly specifier: string;
  /** `type`: gone at run time; `lazy`: `import()` or `new URL()`, read when it is needed. */
  readonly kind: 'value' | 'type' | 'lazy';
  readonly line: number;
}

export interface FunctionSize {
  readonly line: number;
  readonly lines: number;
  /** True where it only holds tests: a `describe`, a suite. */
  readonly is_chapter: boolean;
}

/** A source file, as far as the rules look. */
export interface ParsedFile {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSize[];
  /** Texts of string literals and of the fixed parts of templates. */
  readonly strings: readonly { readonly text: string; readonly line: number }[];
  readonly program: Node;
  lineAt(offset: number): number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Parses with a real parser; throws with the place where the file is no TypeScript. */
export function parseFile(path: string, text: string): ParsedFile {
  const { program, errors } = parseSync(path, text, { lang: path.endsWith('.ts') ? 'ts' : 'js' });
  const [error] = errors;
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`);
  const lineAt = lineCounter(text);
  const imports: Import[] = [];
  const functions: FunctionSize[] = [];
  const strings: { text: string; line: number }[] = [];
  walk(program, (node) => {
    const found = importIn(node);
    if (found !== null) imports.push({ ...found, line: lineAt(node.start) });
    const string = stringIn(node);
    if (string !== null) strings.push({ text: string, line: lineAt(node.start) });
    if (FUNCTIONS.has(node.type)) functions.push(sizeOf(node, lineAt));
  });
  return {
    path,
    text,
    lines: text.trimEnd().split('\n').length,
    imports,
    functions,
    strings,
    program,
    lineAt,
  };
}

/** Visits every node with the nodes around it, the nearest last. */
export function walk(
  node: Node,
  visit: (node: Node, parents: readonly Node[]) => void,
  parents: readonly Node[] = [],
): void {
  visit(node, parents);
  const inner = [...parents, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, inner);
  }
}

/** `a.b.c` of a chain of names, with the calls in between left out: `test.each(rows)` is `test.each`. */
export function chainOf(node: Node | undefined): string {
  if (node?.type === 'Identifier') return node.name;
  if (node?.type === 'MemberExpression' && node.property.type === 'Identifier') {
    return `${chainOf(node.object)}.${node.property.name}`;
  }
  if (node?.type === 'CallExpression' || node?.type === 'NewExpression') return chainOf(node.callee);
  if (node?.type === 'TaggedTemplateExpression') return chainOf(node.tag);
  return '';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function importIn(node: Node): Omit<Import, 'line'> | null {
  switch (node.type) {
    case 'ImportDeclaration': {
      const names = node.specifiers.filter((name) => name.type === 'ImportSpecifier');
      const only = names.length > 0 && names.length === node.specifiers.length;
      const isType =
        node.importKind === 'type' || (only && names.every((name) => name.importKind === 'type'));
      return { specifier: node.source.value, kind: isType ? 'type' : 'value' };
    }
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      if (!node.source) return null;
      return { specifier: node.source.value, kind: node.exportKind === 'type' ? 'type' : 'value' };
    case 'ImportExpression':
      return lazy(node.source);
    case 'NewExpression':
      return chainOf(node.callee) === 'URL' && node.arguments.length === 2
        ? lazyCode(node.arguments[0])
        : null;
    default:
      return null;
  }
}

function lazy(source: Node | undefined): Omit<Import, 'line'> | null {
  return source?.type === 'Literal' && typeof source.value === 'string'
    ? { specifier: source.value, kind: 'lazy' }
    : null;
}

// `new URL(…, import.meta.url)` names a worker or a script; folders and data are no imports.
function lazyCode(source: Node | undefined): Omit<Import, 'line'> | null {
  const found = lazy(source);
  if (found === null || !/\.(ts|mjs|cjs|js)$/.test(found.specifier)) return null;
  return found.specifier.startsWith('.') ? found : { ...found, specifier: `./${found.specifier}` };
}

function stringIn(node: Node): string | null {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  return node.type === 'TemplateElement' ? node.value.raw : null;
}

function sizeOf(node: Node, lineAt: (offset: number) => number): FunctionSize {
  const line = lineAt(node.start);
  const body =
    'body' in node && isNode(node.body) && node.body.type === 'BlockStatement' ? node.body.body : [];
  return {
    line,
    lines: lineAt(node.end) - line + 1,
    is_chapter: body.some(
      (step) =>
        step.type === 'ExpressionStatement' && /^(describe|test|it)(\.|$)/.test(chainOf(step.expression)),
    ),
  };
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
