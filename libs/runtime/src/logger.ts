import { isatty } from 'node:tty';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { terminalLines } from './terminal-lines.ts';

export type { Logger } from 'pino';

const STDERR = 2;
// Its weight is for people only.
const pretty = isatty(STDERR) ? (await import('pino-pretty')).prettyFactory : null;
const SECRET_FIELDS = ['token', 'password', 'secret', 'authorization', 'passphrase', 'credentials'];

/**
 * A pino logger on stderr: JSON lines, or readable lines on a terminal. Times are RFC 3339. Fields that carry secrets
 * by name are left out, one level deep too; nothing else is filtered, so secrets must not be put into messages.
 */
export function createLogger(options: { name: string; level?: string; stream?: DestinationStream }): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      base: { name: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), remove: true },
      formatters: { level: (label) => ({ level: label }) },
    },
    options.stream ?? standardError(),
  );
}

/** Says nothing: for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}

// Written at once: a line that is still in a buffer when the process dies is the line that was needed.
function standardError(): DestinationStream {
  const stderr = destination({ dest: STDERR, sync: true });
  if (pretty === null) return stderr;
  const format = terminalLines(pretty);
  return { write: (line) => void stderr.write(format(line)) };
}
