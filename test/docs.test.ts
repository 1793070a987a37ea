import { readFileSync } from 'node:fs';
import { EVENTS } from '@holdfast/contracts/catalog';
import { ERRORS } from '@holdfast/contracts/errors';
import { expect, test } from '@jest/globals';

const doc = (name: string) => readFileSync(new URL(`../docs/${name}.md`, import.meta.url), 'utf8');

/** The rows of a Markdown table whose first cells are `code`; the formatter pads them, which means nothing. */
const rows = (text: string) =>
  [...text.matchAll(/^\| `([A-Za-z_]+)` +\|.*$/gm)].map((row) => [row[1], row[0].replace(/ +/g, ' ')]);

test('docs/errors.md lists the catalogue: code, status, exit code, hint', () => {
  const wanted = Object.entries(ERRORS).map(([code, { status, exit, title, hint }]) => [
    code,
    `| \`${code}\` | ${status} | ${exit} | ${title} | ${hint} |`,
  ]);
  expect(rows(doc('errors'))).toEqual(wanted);
});

test('docs/events.md lists every event with its publisher and the fields of its data', () => {
  const wanted = Object.entries(EVENTS).map(([type, { noun, publisher, schema }]) => [
    type,
    `| \`${type}\` | ${noun} | ${publisher} | ${Object.keys(schema.shape).join(', ')} |`,
  ]);
  expect(rows(doc('events'))).toEqual(wanted);
});
