import type { JsonPath } from './json-path.ts';
import { problemOfTime, timeOf } from './message-time.ts';

type Tell = (detail: string, below: JsonPath) => void;

const WHO = ['role', 'sender', 'from', 'author'] as const;
const WHAT = ['content', 'text', 'message', 'body'] as const;
const WHEN = ['timestamp', 'created_at', 'time', 'date'] as const;

/** The clocks of two machines that write into one conversation differ by so much. */
const CLOCKS_DIFFER_MS = 1000;

/** Judges the messages of one conversation, in their order. Where some have a time all must have one. */
export function checkMessages(messages: readonly unknown[], tell: Tell): void {
  const timed = messages.some((message) => fieldOf(message, WHEN) !== undefined);
  let latest_ms = Number.NEGATIVE_INFINITY;
  for (const [index, message] of messages.entries()) {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      tell('is not a message', [index]);
      continue;
    }
    checkParts(message, (detail, below) => tell(detail, [index, ...below]));
    const when = fieldOf(message, WHEN);
    if (when === undefined) {
      if (timed) tell('timestamp is missing', [index]);
      continue;
    }
    const problem = problemOfTime(when.value);
    if (problem !== undefined) tell(problem, [index, when.key]);
    const time_ms = timeOf(when.value) ?? latest_ms;
    if (time_ms < latest_ms - CLOCKS_DIFFER_MS) tell('lies before the message before it', [index, when.key]);
    latest_ms = Math.max(latest_ms, time_ms);
  }
}

function checkParts(message: object, tell: Tell) {
  const who = fieldOf(message, WHO);
  if (who === undefined) tell('role is missing', []);
  else if (typeof who.value !== 'string' || who.value.trim() === '') tell('is not a role', [who.key]);
  const what = fieldOf(message, WHAT);
  if (what === undefined) tell('content is missing', []);
  // Null stands in a message that only calls a tool; parts of text and pictures are a list.
  else if (!['string', 'object'].includes(typeof what.value))
    tell('is not the content of a message', [what.key]);
}

function fieldOf(message: unknown, names: readonly string[]): { key: string; value: unknown } | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const key = names.find((name) => Object.hasOwn(message, name));
  return key === undefined ? undefined : { key, value: (message as Record<string, unknown>)[key] };
}
