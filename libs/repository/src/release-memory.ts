import { isArrayBuffer } from 'node:util/types';

/** Smaller ones may share their memory with others: the pool of `Buffer` gives away pieces of less than 32 KiB. */
const OWN_MIN_BYTES = 32 * 1024;

/**
 * Gives the memory of a large buffer back at once: what waits for the collector, in several threads, adds up to hundreds
 * of megabytes. Only for bytes that nothing else looks at: views of them are empty from now on.
 */
export function releaseMemory({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (byteLength >= OWN_MIN_BYTES && byteOffset === 0 && isArrayBuffer(buffer)) buffer.transfer(0);
}
