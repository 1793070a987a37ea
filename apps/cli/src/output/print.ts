import { styleText } from 'node:util';
import { printable } from '@holdfast/runtime/printable';
import Table from 'cli-table3';

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A cell in a colour of ours: what is in it does as little to the terminal as in any other. */
export interface ColouredCell {
  readonly text: string;
  readonly colour: 'red' | 'yellow';
}

export type Cell = string | number | null | undefined | ColouredCell;

/** A table for people: a dim head, one line a row, no frame. */
export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const table = new Table({
    head: head.map((cell) => styleText('dim', cell.toUpperCase())),
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => row.map(cellText)));
  printAsIs(table.toString());
}

function cellText(cell: Cell): string {
  if (typeof cell !== 'object' || cell === null) return printable(String(cell ?? '–'));
  return styleText(cell.colour, printable(cell.text));
}

/** One line on stdout, whatever is in it: names that others chose do nothing to the terminal. */
export function print(line: string): void {
  printAsIs(printable(line));
}

/** Text on stdout for programs, or with styles of our own: whoever calls it has made `printable` what others chose. */
export function printAsIs(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line on stderr, as `print` does it. */
export function warn(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** The one JSON document of `--json`. */
export function printJson(value: unknown): void {
  printAsIs(JSON.stringify(value, null, 2));
}

/** `1 file`, `2 files` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `1.4 MiB` */
export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, size < 1 ? 0 : Math.floor(Math.log2(size) / 10));
  const value = size / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[power]}`;
}

/** `2026-11-23 01:47:00.123`, local time. */
export function localTime(rfc3339: string): string {
  const time = new Date(rfc3339);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 23).replace('T', ' ');
}
