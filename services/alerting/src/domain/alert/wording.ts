const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** `1 file`, `5,000 files`. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

/** `18 ms`, `5.3 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND_MS);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * A name or sentence from outside, safe to show: control characters and those that turn the direction of writing are
 * spelled out, so that a file's name cannot forge a line.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (odd) => {
    return `\\u${(odd.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

/** The last component of a path, printable. */
export function fileName(path: string): string {
  return printable(path.slice(path.lastIndexOf('/') + 1));
}
