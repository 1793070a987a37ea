import { ByteWriter } from '../bytes.ts';
import type { Chunker } from '../chunker/fastcdc.ts';
import type { StoredBatch } from '../threads/messages.ts';
import { writeEntry } from '../tree/entry-codec.ts';
import type { ChunkSink } from './chunk-sink.ts';
import type { openClone } from './clone-file.ts';
import type { Stamper } from './stamp.ts';
import { tryStoreFile } from './store-file.ts';

export interface StoreParts {
  readonly chunker: Chunker;
  readonly sink: ChunkSink;
  readonly stampOf: Stamper;
  /** Throws, with no code of the system, where nobody wants any more; asked now and then, also in a large file. */
  readonly throwIfStopped?: () => void;
  /** Tests give another. */
  readonly openClone?: typeof openClone;
}

/** Stores files one after the other; what comes of them is a few flat arrays, cheap to hand to another thread. */
export function storeBatch(paths: readonly string[], parts: StoreParts): StoredBatch {
  const writer = new ByteWriter(160 * Math.max(1, paths.length));
  const lengths = new Uint32Array(paths.length);
  const stamps = new Float64Array(paths.length);
  const unsteady: number[] = [];
  const failures: { at: number; code: string | undefined; reason: string }[] = [];
  for (const [at, path] of paths.entries()) {
    parts.throwIfStopped?.();
    const result = tryStoreFile(path, parts);
    if (result.ok) {
      const start = writer.length;
      writeEntry(writer, result.entry);
      lengths[at] = writer.length - start;
      if (!result.is_steady) unsteady.push(at);
      stamps[at] = parts.stampOf(result.stat, result.entry.digest);
    } else {
      failures.push({ at, code: result.code, reason: result.reason });
    }
  }
  return { entries: writer.finish(), lengths, stamps, unsteady, failures };
}
