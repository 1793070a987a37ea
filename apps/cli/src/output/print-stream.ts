import { once } from 'node:events';
import { printJson } from './print.ts';

/** Many lines on stdout, as fast as they are read there and no faster. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
  }
}

/** The one JSON document of `--json`: an array that may be longer than memory should hold. */
export async function printJsonArray(items: AsyncIterable<unknown>): Promise<void> {
  let is_empty = true;
  await printLines(elements());
  if (is_empty) printJson([]);

  async function* elements() {
    for await (const item of items) {
      yield `${is_empty ? '[' : ','}\n  ${JSON.stringify(item)}`;
      is_empty = false;
    }
    if (!is_empty) yield ']';
  }
}
