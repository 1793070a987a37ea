import { once } from 'node:events';
import { printable } from '@holdfast/runtime/printable';
import { printJson } from './print.ts';

/** Many lines on stdout, each as `print` does it, as fast as they are read there and no faster. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) await write(printable(line));
}

async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** The one JSON document of `--json`: an array that may be longer than memory should hold. */
export async function printJsonArray(items: AsyncIterable<unknown>): Promise<void> {
  let is_empty = true;
  for await (const element of elements()) await write(element);
  if (is_empty) printJson([]);

  async function* elements() {
    for await (const item of items) {
      yield `${is_empty ? '[' : ','}\n  ${JSON.stringify(item)}`;
      is_empty = false;
    }
    if (!is_empty) yield ']';
  }
}
