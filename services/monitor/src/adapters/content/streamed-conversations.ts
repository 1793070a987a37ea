import type { ConversationCheck } from '../../domain/content/conversation.ts';
import type { JsonPlace, JsonVisit } from './json-walk.ts';

/** More values than any conversation has: a document that is one value is not put together in memory. */
const VALUES_MAX = 500_000;

type Container = unknown[] | Record<string, unknown>;

/** Puts the elements of a list together, one at a time, as a walk comes by them, and has each judged. */
export class StreamedConversations {
  readonly #check: ConversationCheck;
  /** Depth of the elements: below a list at the root, or below lists in an object there. */
  #element_depth = Number.POSITIVE_INFINITY;
  #rootIsList = false;
  #open: Container[] = [];
  #values = 0;

  constructor(check: ConversationCheck) {
    this.#check = check;
  }

  visit(visit: JsonVisit, place: JsonPlace): void {
    const { kind, depth, list = false } = visit;
    if (depth === 0 && kind === 'open') this.#rootIsList = list;
    if (depth === 0 || depth === 1) this.#element_depth = this.#depthAfter(visit);
    if (depth < this.#element_depth) return;
    if (kind === 'close') this.#close(depth, place);
    else this.#add(visit);
  }

  #depthAfter({ kind, depth, list }: JsonVisit): number {
    if (this.#rootIsList) return 1;
    return depth === 1 && kind === 'open' && list ? 2 : Number.POSITIVE_INFINITY;
  }

  #add({ kind, step, value, list }: JsonVisit) {
    if (kind === 'leaf' && this.#open.length === 0) return;
    this.#values += 1;
    const made = kind === 'leaf' ? value : list ? [] : {};
    const parent = this.#open.at(-1);
    if (this.#values <= VALUES_MAX && parent !== undefined) put(parent, step, made);
    if (kind === 'open') this.#open.push(made as Container);
  }

  #close(depth: number, place: JsonPlace) {
    const made = this.#open.pop();
    if (depth !== this.#element_depth) return;
    if (this.#values <= VALUES_MAX) this.#check.take(made, place.path());
    this.#open = [];
    this.#values = 0;
  }
}

function put(parent: Container, step: string | number, value: unknown) {
  if (Array.isArray(parent)) parent.push(value);
  else if (step !== '__proto__') parent[step] = value;
  // Assigned it would be no key of its own.
  else Object.defineProperty(parent, step, { value, enumerable: true, writable: true, configurable: true });
}
