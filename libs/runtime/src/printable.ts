/**
 * Characters that a terminal obeys or hides instead of showing them: controls, direction marks, line separators, invisible
 * ones (joiners are parts of words and emoji), and halves of pairs, which stand for bytes that are no UTF-8.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text that others chose (the name of a file, a reason, a host) as people may see it on a terminal: one line, and nothing
 * in it acts. Unprintable characters become `\n`, `\x1b`, `\u202e`; bytes that are no UTF-8 `\xff`. For people only: what
 * programs read (`--json`) has names as they are.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, spelled);
}

function spelled(character: string): string {
  const code = character.codePointAt(0) as number;
  if (code < 0x80) return SHORT[character] ?? `\\x${hex(code, 2)}`;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
