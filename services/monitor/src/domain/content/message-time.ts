/** Numbers from here on are milliseconds, below they are seconds: 1973 as milliseconds, 5138 as seconds. */
const MILLISECONDS_FROM = 100_000_000_000;

/** A time of a message in milliseconds since 1970: text that a date can be read from, or a Unix time. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= 0) return undefined;
    return value < MILLISECONDS_FROM ? value * 1000 : value;
  }
  // Without four digits of a year, Date.parse takes nearly any text that ends in a number.
  if (typeof value !== 'string' || !/\d{4}|\d\/\d/.test(value)) return undefined;
  const time_ms = Date.parse(value);
  return Number.isNaN(time_ms) ? undefined : time_ms;
}
