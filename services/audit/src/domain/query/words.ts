/**
 * The words of a text: runs of letters and digits, in small letters, without accents. Log and questions are cut by the
 * same knife, so that `Conversación_01.json` is found by `conversacion 01`.
 */
export function words(text: string): string[] {
  const plain = isAscii(text) ? text : text.normalize('NFKD').replace(/\p{M}+/gu, '');
  return plain.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 127) return false;
  return true;
}
