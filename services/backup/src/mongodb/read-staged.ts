import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { bsonSplit } from '../domain/mongodb/bson-bytes.ts';
import { readSegment, type SegmentEnd, type SegmentName, segmentFile } from '../domain/mongodb/segment.ts';
import type { Staging } from './staging.ts';

export interface StagedSegment {
  readonly events: readonly Buffer[];
  readonly end: SegmentEnd;
}

/** A segment that stands in the folder. Rejects with `change_history_lost` where it is damaged. */
export async function readStagedSegment({ changes }: Staging, name: SegmentName): Promise<StagedSegment> {
  const file = segmentFile(name);
  try {
    return readSegment(bsonSplit(await readFile(join(changes, file))).documents);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new HoldfastError('change_history_lost', `${file} is damaged: ${cause.message}`, { cause });
  }
}
