import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS } from '@holdfast/contracts/catalog';
import { ERRORS } from '@holdfast/contracts/errors';
import { loadConfig } from '@holdfast/runtime/config';
import { tempDir } from '@holdfast/testkit/temp-dir';
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

const GUIDES = new URL('../docs/guide/', import.meta.url).pathname;

/** Some show only what belongs below a source, others speak of one that they do not show. */
function whole(yaml: string): string {
  if (yaml.startsWith(' ')) return `sources:\n  shop:\n    root: /srv\n${yaml}`;
  return /^sources:/m.test(yaml) ? yaml : `sources:\n  conversations:\n    root: /srv\n${yaml}`;
}

test.each(readdirSync(GUIDES))('every configuration that %s shows is one', async (guide) => {
  using folder = tempDir();
  const file = join(folder.path, 'holdfast.yaml');
  const text = readFileSync(join(GUIDES, guide), 'utf8');
  for (const [, yaml = ''] of text.matchAll(/^```yaml\n(.*?)^```$/gms)) {
    writeFileSync(file, whole(yaml));
    expect((await loadConfig({ file, env: {} })).host).not.toBe('');
  }
});
