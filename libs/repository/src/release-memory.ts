/** Smaller ones may share their memory with others. */
const OWN_MIN_BYTES = 256 * 1024;

/**
 * Gives the memory of a large buffer back at once: the collector would let some hundred megabytes of them pile up.
 * Only for bytes that nothing else looks at: views of them are empty from now on.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength < OWN_MIN_BYTES || byteOffset !== 0 || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}
