import Tokenizer from '@streamparser/json/tokenizer.js';
import type { JsonPath } from '../../domain/content/json-path.ts';
import { type JsonProblem, JsonStructure } from '../json-problem.ts';

/** A value of a document as the walk comes by: a leaf, or where an object or a list begins and ends. */
export interface JsonVisit {
  readonly kind: 'leaf' | 'open' | 'close';
  /** Of the value: the root has 0. */
  readonly depth: number;
  /** Its key or its place in the list that it stands in. */
  readonly step: string | number;
  readonly value?: unknown;
  readonly list?: boolean;
}

/** Where the walk is, while a visit is told. */
export interface JsonPlace {
  path(): JsonPath;
  line(): number;
}

export type OnVisit = (visit: JsonVisit, place: JsonPlace) => void;

/** Long strings are put together in pieces of this size. */
const STRING_BYTES = 64 * 1024;
const BRACKETS = '{}[]:,';

interface Frame {
  readonly list: boolean;
  step: string | number;
}

/** Goes over JSON in UTF-8 piece by piece, however large it is: holds the way to where it is, and one string. */
export class JsonWalk {
  readonly #onVisit: OnVisit;
  readonly #tokenizer = new Tokenizer({ stringBufferSize: STRING_BYTES });
  readonly #structure = new JsonStructure();
  readonly #stack: Frame[] = [];
  readonly #lines = new LineCount();
  readonly #place: JsonPlace = {
    path: () => this.#stack.map(({ step }) => step),
    line: () => this.#lines.at(this.#offset).line,
  };
  #offset = 0;
  #problem: JsonProblem | undefined;

  constructor(onVisit: OnVisit) {
    this.#onVisit = onVisit;
    this.#tokenizer.onToken = ({ token, value, offset }) => this.#take(token, value, offset);
    this.#tokenizer.onError = () => this.#fail(this.#errorOffset());
    this.#tokenizer.onEnd = () => undefined;
  }

  /** False once it is clear that this is no JSON. */
  write(piece: Uint8Array): boolean {
    if (this.#problem !== undefined) return false;
    this.#lines.add(piece);
    this.#tokenizer.write(piece);
    this.#lines.finish();
    return this.#problem === undefined;
  }

  /** After the last piece: where it stopped being JSON. Columns count bytes. */
  end(): JsonProblem | undefined {
    if (this.#problem !== undefined) return this.#problem;
    let cut = false;
    this.#tokenizer.onError = () => {
      cut = true;
    };
    if (!this.#tokenizer.isEnded) this.#tokenizer.end();
    if (this.#problem === undefined && (cut || !this.#structure.isComplete))
      this.#problem = { ...this.#lines.end(), what: 'unexpected end', unfinished: true };
    return this.#problem;
  }

  #take(token: number, value: unknown, offset: number) {
    if (this.#problem !== undefined) return;
    const sign = BRACKETS[token] ?? (typeof value === 'string' ? '"' : '0');
    const isKey = this.#structure.expectsKey;
    if (!this.#structure.take(sign)) return this.#fail(offset);
    if (sign === '"' && isKey) {
      const frame = this.#stack.at(-1);
      if (frame !== undefined) frame.step = value as string;
      return;
    }
    this.#offset = offset;
    this.#visit(sign, value);
  }

  #visit(sign: string, value: unknown) {
    const list = sign === '[';
    if (sign === '{' || list) {
      this.#tell({ kind: 'open', list });
      this.#stack.push({ list, step: list ? 0 : '' });
    } else if (sign === '}' || sign === ']') {
      this.#stack.pop();
      this.#tell({ kind: 'close' });
    } else if (sign === ',') {
      const frame = this.#stack.at(-1);
      if (frame?.list) frame.step = Number(frame.step) + 1;
    } else if (sign !== ':') this.#tell({ kind: 'leaf', value });
  }

  #tell(visit: Omit<JsonVisit, 'depth' | 'step'>) {
    this.#onVisit({ ...visit, depth: this.#stack.length, step: this.#stack.at(-1)?.step ?? '' }, this.#place);
  }

  // The tokenizer keeps it to itself; without it the piece at hand is named.
  #errorOffset(): number {
    const { offset } = this.#tokenizer as unknown as { offset?: number };
    return offset ?? this.#offset;
  }

  #fail(offset: number) {
    this.#problem ??= { ...this.#lines.at(offset), what: 'unexpected character', unfinished: false };
  }
}

const NEWLINE = 10;

/** Which line an offset lies in, for offsets that do not go back before the piece at hand. */
class LineCount {
  #piece: Uint8Array = new Uint8Array();
  #start = 0;
  /** Counted so far: up to this offset. */
  #counted = 0;
  #line = 1;
  #line_start = 0;

  add(piece: Uint8Array) {
    this.#piece = piece;
    this.#start = this.#counted;
  }

  finish() {
    this.at(this.#start + this.#piece.length);
  }

  at(offset: number): { line: number; column: number } {
    const end = Math.min(offset - this.#start, this.#piece.length);
    for (;;) {
      const next = this.#piece.indexOf(NEWLINE, this.#counted - this.#start);
      if (next < 0 || next >= end) break;
      this.#line += 1;
      this.#counted = this.#start + next + 1;
      this.#line_start = this.#counted;
    }
    this.#counted = Math.max(this.#counted, this.#start + end);
    return { line: this.#line, column: Math.max(1, offset - this.#line_start + 1) };
  }

  end() {
    return this.at(this.#start + this.#piece.length);
  }
}
