const decoder = new TextDecoder();

/**
 * An entry as people are given it: the very JSON of the event with `auditindex` added, as its last member, so that
 * nothing in the event can claim another place.
 */
export function itemText({ index, bytes }: { readonly index: number; readonly bytes: Uint8Array }): string {
  const text = decoder.decode(bytes).trimEnd();
  return `${text.slice(0, -1).trimEnd()},"auditindex":${index}}`;
}
