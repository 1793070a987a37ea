import { FINDINGS_MAX, type Finding, type Trait } from './finding.ts';
import type { JsonPath } from './json-path.ts';
import { checkMessages } from './message.ts';
import { timeOf } from './message-time.ts';

/** An id of a session, and where it stands in its document. */
export interface SessionPlace {
  readonly session_id: string;
  readonly path: JsonPath;
}

type Fields = Readonly<Record<string, unknown>>;

/** A JSON object; lists and null are none. */
function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True where a value is a conversation, whole or not: a number of messages is only told of one. */
function isConversation(value: unknown): value is Fields {
  return isObject(value) && 'messages' in value && typeof value['messages'] !== 'number';
}

/**
 * The values of a document that may be conversations: the root, the elements of a list at the root, and those of lists
 * right below it.
 */
export function* candidatesOf(root: unknown): Generator<{ value: unknown; path: JsonPath }> {
  if (Array.isArray(root)) return yield* elementsOf(root, []);
  if (!isObject(root)) return;
  yield { value: root, path: [] };
  if (isConversation(root)) return;
  for (const [key, list] of Object.entries(root)) {
    if (Array.isArray(list)) yield* elementsOf(list, [key]);
  }
}

function* elementsOf(list: readonly unknown[], path: JsonPath) {
  for (const [index, value] of list.entries()) yield { value, path: [...path, index] };
}

/**
 * Judges the conversations of one document, given one after the other: required fields, ids that are unique in it,
 * times that parse and do not run backwards, the structure of messages. What is no conversation at all is let pass.
 */
export class ConversationCheck {
  readonly findings: Finding[] = [];
  /** What the good ones have. */
  readonly traits = new Set<Trait>();
  readonly #sessions = new Map<string, JsonPath>();
  /** They name a session as a conversation does, and hold no messages: whether they should, their neighbours tell. */
  readonly #silent: JsonPath[] = [];
  #conversations = 0;

  /** Ids that are well formed, each where it first stands. */
  get sessions(): SessionPlace[] {
    return [...this.#sessions].map(([session_id, path]) => ({ session_id, path }));
  }

  get conversations(): number {
    return this.#conversations;
  }

  take(value: unknown, path: JsonPath): void {
    if (isConversation(value)) this.#judge(value, path);
    else if (isObject(value) && 'session_id' in value) this.#silent.push(path);
  }

  /** After the last one. */
  end(): void {
    if (this.#conversations === 0) return;
    for (const path of this.#silent) this.#tell('messages', 'messages are missing', path);
  }

  #judge(conversation: Fields, path: JsonPath) {
    this.#conversations += 1;
    this.#judgeSession(conversation['session_id'], path);
    this.#judgeTimes(conversation, path);
    const { messages } = conversation;
    const place = [...path, 'messages'];
    if (!Array.isArray(messages)) return this.#tell('messages', 'is not a list', place);
    this.traits.add('messages');
    checkMessages(messages, {
      tell: (trait, detail, below) => this.#tell(trait, detail, [...place, ...below]),
      seen: (trait) => this.traits.add(trait),
    });
  }

  #judgeSession(session: unknown, path: JsonPath) {
    const place = [...path, 'session_id'];
    if (session === undefined) return this.#tell('session', 'session_id is missing', path);
    const isText = typeof session === 'string' && session.trim() !== '';
    if (!isText && typeof session !== 'number')
      return this.#tell('session', 'is not the id of a session', place);
    const session_id = String(session);
    this.traits.add('session');
    if (this.#sessions.has(session_id))
      this.#tell('session', 'is the id of another session in this file', place);
    else this.#sessions.set(session_id, place);
  }

  #judgeTimes(conversation: Fields, path: JsonPath) {
    const [started, ended] = ['started_at', 'ended_at'].map((key) => {
      if (!(key in conversation) || conversation[key] === null) return undefined;
      const time_ms = timeOf(conversation[key]);
      if (time_ms === undefined) this.#tell('time', 'is not a time', [...path, key]);
      else this.traits.add('time');
      return time_ms;
    });
    if (started !== undefined && ended !== undefined && ended < started)
      this.#tell('time', 'lies before started_at', [...path, 'ended_at']);
  }

  #tell(trait: Trait, detail: string, path: JsonPath) {
    if (this.findings.length < FINDINGS_MAX)
      this.findings.push({ reason: 'conversation', detail, path, trait });
  }
}
