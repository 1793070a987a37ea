import type { Envelope } from '@holdfast/contracts/envelope';

const COLUMNS = [
  'time',
  'type',
  'source',
  'subject',
  'actor',
  'correlationid',
  'causationid',
  'id',
] as const satisfies readonly (keyof Envelope)[];

export const CSV_HEADER = `auditindex,${COLUMNS.join(',')},data\r\n`;

/** One event as a line of CSV (RFC 4180); its data is JSON in the last field. */
export function csvLine(index: number, event: Envelope & { readonly data: unknown }): string {
  const fields = COLUMNS.map((column) => field(event[column] ?? ''));
  return `${index},${fields.join(',')},${field(JSON.stringify(event.data))}\r\n`;
}

/** Spreadsheets run what begins like a formula; an apostrophe makes it text. */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: string): string {
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
