import type { prettyFactory } from 'pino-pretty';
import { printable } from './printable.ts';

const ESCAPE = '\u001b';
/** What the formatter itself adds: colours, and the lines of a stack. */
const OWN = new RegExp(`(${ESCAPE}\\[[\\d;]*m|\\n)`);

/** Makes lines for a terminal out of the logger's JSON lines: nothing in them acts that came with a name or a message. */
export function terminalLines(make: typeof prettyFactory): (line: string) => string {
  const format = make({
    singleLine: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss.l',
    // It is the one field that is shown as it is; the others are JSON.
    messageFormat: (log, key) => printable(String(log[key] ?? '')),
  });
  return (line) =>
    format(line)
      .split(OWN)
      .map((part, index) => (index % 2 === 0 ? printable(part) : part))
      .join('');
}
