import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { prettyFactory } from 'pino-pretty';
import { createLogger } from './logger.ts';
import { terminalLines } from './terminal-lines.ts';

/** What a person sees of one entry. */
function seen(log: (logger: ReturnType<typeof createLogger>) => void): string {
  const format = terminalLines(prettyFactory);
  const lines: string[] = [];
  log(createLogger({ name: 'monitor', stream: { write: (line) => void lines.push(format(line)) } }));
  return lines.join('');
}

const BAD = '/srv/a\u001b]0;title\u0007\nb\u202ec\u009bd';

test('a name does nothing to the terminal, in a message, a field or an error', () => {
  const text = seen((log) => log.warn({ path: BAD, err: new Error(`no ${BAD}`) }, `lost ${BAD}`));
  expect(text).toContain('lost /srv/a\\x1b]0;title\\x07\\nb\\u202ec\\u009bd');
  expect(text).not.toMatch(/[\u202e\u0080-\u009f]/);
  expect(stripVTControlCharacters(text)).not.toContain('\u001b');
  expect(text).not.toContain('\u0007');
});

test('an entry is one line, with what it carries', () => {
  const text = stripVTControlCharacters(seen((log) => log.info({ files: 3 }, 'walked /srv/ñandú')));
  expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO \(monitor\): walked \/srv\/ñandú \{"files":3\}\n$/);
});
