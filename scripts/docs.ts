// Writes the tables of docs/errors.md and docs/events.md from the catalogues: node scripts/docs.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { EVENTS } from '@holdfast/contracts/catalog';
import { ERRORS } from '@holdfast/contracts/errors';

function replaceTable(name: string, lines: readonly string[]): void {
  const file = new URL(`../docs/${name}.md`, import.meta.url);
  const text = readFileSync(file, 'utf8');
  const rule = /\n\| -+ .*\n/.exec(text)?.[0] ?? '';
  const head = text.slice(0, text.indexOf(rule));
  writeFileSync(file, `${head}${rule}${lines.join('\n')}\n`);
}

replaceTable(
  'errors',
  Object.entries(ERRORS).map(
    ([code, { status, exit, title, hint }]) => `| \`${code}\` | ${status} | ${exit} | ${title} | ${hint} |`,
  ),
);
replaceTable(
  'events',
  Object.entries(EVENTS).map(
    ([type, { noun, publisher, schema }]) =>
      `| \`${type}\` | ${noun} | ${publisher} | ${Object.keys(schema.shape).join(', ')} |`,
  ),
);
