/** Where JSON stops being JSON. The content is not quoted: it may be a secret. */
export interface JsonProblem {
  readonly line: number;
  readonly column: number;
  readonly what: string;
  /** The text ends where more is expected: it may still be on its way. */
  readonly unfinished: boolean;
}

const TOKEN = /[ \t\n\r]+|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const CUT_ESCAPE = /^\\(?:u[0-9a-fA-F]{0,3})?$/;
const CUT_WORD = /^(?:[-+.eE\d]+|t(?:r(?:u)?)?|f(?:a(?:l(?:s)?)?)?|n(?:u(?:l)?)?)$/;
const LONGEST_WORD = 400;

type Expect = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'nothing';
interface Scan {
  readonly open: ('{' | '[')[];
  expect: Expect;
}

/** The first place where a text that JSON.parse refused is not JSON. */
export function findJsonProblem(text: string): JsonProblem {
  const scan: Scan = { open: [], expect: 'value' };
  let position = 0;
  while (position < text.length) {
    const end = text[position] === '"' ? endOfString(text, position) : endOfToken(text, position);
    if (end === 'cut') return problemAt(text, position, true);
    if (end === 'bad') return problemAt(text, position, false);
    const token = text[position] === '"' ? '"' : text.slice(position, end);
    if (!/^\s/.test(token) && !step(scan, token)) return problemAt(text, position, false);
    position = end;
  }
  return problemAt(text, text.length, true);
}

/** The grammar of JSON over its tokens. */
export class JsonStructure {
  readonly #scan: Scan = { open: [], expect: 'value' };

  /** True where the next string is a key. */
  get expectsKey(): boolean {
    return this.#scan.expect === 'key' || this.#scan.expect === 'first key';
  }

  get isComplete(): boolean {
    return this.#scan.expect === 'nothing';
  }

  /** Takes in a bracket, comma or colon, `"` for a string, `0` for another value; false where it may not stand there. */
  take(token: string): boolean {
    return step(this.#scan, token);
  }
}

type End = number | 'cut' | 'bad';

function endOfToken(text: string, start: number): End {
  TOKEN.lastIndex = start;
  const found = TOKEN.test(text);
  const end = TOKEN.lastIndex;
  // `-8.6e` is a number that the end of the text cuts, although `-8.6` would be one.
  const rest = text.slice(start, start + LONGEST_WORD);
  if (start + rest.length === text.length && CUT_WORD.test(rest) && (!found || end < text.length))
    return 'cut';
  return found ? end : 'bad';
}

function endOfString(text: string, start: number): End {
  for (let position = start + 1; position < text.length; position += 1) {
    const character = text[position];
    if (character === '"') return position + 1;
    if (text.charCodeAt(position) < 0x20) return 'bad';
    if (character !== '\\') continue;
    ESCAPE.lastIndex = position;
    if (!ESCAPE.test(text)) return CUT_ESCAPE.test(text.slice(position, position + 7)) ? 'cut' : 'bad';
    position = ESCAPE.lastIndex - 1;
  }
  return 'cut';
}

/** Takes one token in; false where it may not stand there. */
function step(scan: Scan, token: string): boolean {
  const { expect } = scan;
  if (expect === 'nothing') return false;
  if (expect === 'colon') return token === ':' && advance(scan, 'value');
  if (expect === 'comma') return stepAfterValue(scan, token);
  if (expect === 'key' || expect === 'first key') {
    if (token === '}' && expect === 'first key') return close(scan, '{');
    return token.startsWith('"') && advance(scan, 'colon');
  }
  if (token === ']' && expect === 'first value') return close(scan, '[');
  return stepValue(scan, token);
}

function stepValue(scan: Scan, token: string): boolean {
  if (token === '{' || token === '[') {
    scan.open.push(token);
    return advance(scan, token === '{' ? 'first key' : 'first value');
  }
  return !/^[}\],:]/.test(token) && endValue(scan);
}

function stepAfterValue(scan: Scan, token: string): boolean {
  const inside = scan.open.at(-1);
  if (token === ',') return advance(scan, inside === '{' ? 'key' : 'value');
  if (token === '}') return close(scan, '{');
  return token === ']' && close(scan, '[');
}

function close(scan: Scan, bracket: '{' | '['): boolean {
  return scan.open.pop() === bracket && endValue(scan);
}

function endValue(scan: Scan): boolean {
  return advance(scan, scan.open.length === 0 ? 'nothing' : 'comma');
}

function advance(scan: Scan, expect: Expect): true {
  scan.expect = expect;
  return true;
}

function problemAt(text: string, position: number, unfinished: boolean): JsonProblem {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - (before.lastIndexOf('\n') + 1) + 1;
  return { line, column, what: unfinished ? 'unexpected end' : 'unexpected character', unfinished };
}
