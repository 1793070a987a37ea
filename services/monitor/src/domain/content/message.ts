import type { Trait } from './finding.ts';
import type { JsonPath } from './json-path.ts';
import { timeOf } from './message-time.ts';

/** Tells a finding; or, without one, that a trait was seen. */
export interface MessageReport {
  tell(trait: Trait, detail: string, below: JsonPath): void;
  seen(trait: Trait): void;
}

const WHO = ['role', 'sender', 'from', 'author'] as const;
const WHAT = ['content', 'text', 'message', 'body'] as const;
const WHEN = ['timestamp', 'created_at', 'time', 'date'] as const;

/** The clocks of two machines that write into one conversation differ by so much. */
const CLOCKS_DIFFER_MS = 1000;

/** Judges the messages of one conversation, in their order. Where some have a time all must have one. */
export function checkMessages(messages: readonly unknown[], report: MessageReport): void {
  const timed = messages.some((message) => fieldOf(message, WHEN) !== undefined);
  const times: { index: number; key: string; time_ms: number }[] = [];
  for (const [index, message] of messages.entries()) {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      report.tell('content', 'is not a message', [index]);
      continue;
    }
    checkParts(message, index, report);
    const when = fieldOf(message, WHEN);
    const time_ms = timeOf(when?.value);
    if (when !== undefined && time_ms !== undefined) times.push({ index, key: when.key, time_ms });
    else if (when !== undefined) report.tell('time', 'is not a time', [index, when.key]);
    else if (timed) report.tell('time', 'timestamp is missing', [index]);
  }
  if (times.length > 0) report.seen('time');
  checkOrder(times, report);
}

/** Newest first is an order too: whether it is this program's, the traits tell. */
function checkOrder(
  times: readonly { index: number; key: string; time_ms: number }[],
  report: MessageReport,
) {
  let latest_ms = Number.NEGATIVE_INFINITY;
  let rises = false;
  let falls = false;
  for (const { index, key, time_ms } of times) {
    if (time_ms < latest_ms - CLOCKS_DIFFER_MS) {
      report.tell('ascending', 'lies before the message before it', [index, key]);
      falls = true;
    } else if (latest_ms > 0 && time_ms > latest_ms) rises = true;
    latest_ms = Math.max(latest_ms, time_ms);
  }
  if (rises && !falls) report.seen('ascending');
}

function checkParts(message: object, index: number, report: MessageReport) {
  const who = fieldOf(message, WHO);
  if (who === undefined) report.tell('role', 'role is missing', [index]);
  else if (typeof who.value !== 'string' || who.value.trim() === '')
    report.tell('role', 'is not a role', [index, who.key]);
  else report.seen('role');
  const what = fieldOf(message, WHAT);
  if (what === undefined) report.tell('content', 'content is missing', [index]);
  // Null stands in a message that only calls a tool; parts of text and pictures are a list.
  else if (!['string', 'object'].includes(typeof what.value))
    report.tell('content', 'is not the content of a message', [index, what.key]);
  else report.seen('content');
}

function fieldOf(message: unknown, names: readonly string[]): { key: string; value: unknown } | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const key = names.find((name) => Object.hasOwn(message, name));
  return key === undefined ? undefined : { key, value: (message as Record<string, unknown>)[key] };
}
