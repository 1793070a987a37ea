import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { type ClusterTime, compareTimes } from '../domain/mongodb/cluster-time.ts';
import { coveredSegments, planMerges, type SizedSegment } from '../domain/mongodb/merge-plan.ts';
import {
  type SegmentEnd,
  type SegmentName,
  segmentEnd,
  segmentFile,
  segmentHead,
} from '../domain/mongodb/segment.ts';
import { readStagedSegment } from './read-staged.ts';
import { SEGMENT_BYTES } from './segment-writer.ts';
import { type Staging, syncFolder, UNFINISHED } from './staging.ts';

export interface Merging {
  /** The begin of the log: what is older belongs to another one. */
  readonly begins: ClusterTime;
  /** No segment becomes larger. */
  readonly bytes_max?: number | undefined;
}

/**
 * Makes few segments of many small ones. Each step leaves a log without a gap, wherever it is killed: what is merged is
 * written beside, read again and compared, renamed, and only then the parts are dropped. Rejects with
 * `change_history_lost` where a part is damaged.
 */
export async function mergeSegments(staging: Staging, merging: Merging, signal: AbortSignal): Promise<void> {
  for await (const _ of mergeSteps(staging, merging)) signal.throwIfAborted();
}

/** The same step by step: after each the process may die. */
export async function* mergeSteps(
  staging: Staging,
  { begins, bytes_max = SEGMENT_BYTES }: Merging,
): AsyncGenerator<string> {
  const standing = async () =>
    (await staging.segments()).filter(({ from }) => compareTimes(begins, from) <= 0);
  yield* dropSteps(staging, coveredSegments(await standing()));
  for (;;) {
    const runs = planMerges(await withSizes(staging, await standing()), bytes_max);
    if (runs.length === 0) return;
    for (const run of runs) {
      yield* mergeOne(staging, run);
      yield* dropSteps(staging, run);
    }
  }
}

async function* mergeOne(staging: Staging, run: readonly SizedSegment[]): AsyncGenerator<string> {
  const half = join(staging.changes, `merged${UNFINISHED}`);
  const { name, checksum } = await writeMerged(staging, run, half);
  yield 'written';
  if ((await checksumOf(half)) !== checksum) {
    throw new HoldfastError('storage_failed', `${half}: what was read is not what was written`);
  }
  await rename(half, join(staging.changes, segmentFile(name)));
  await syncFolder(staging.changes);
  yield 'renamed';
}

async function* dropSteps({ changes }: Staging, dropped: readonly SegmentName[]): AsyncGenerator<string> {
  for (const segment of dropped) {
    await rm(join(changes, segmentFile(segment)), { force: true });
    yield 'dropped';
  }
}

async function writeMerged(staging: Staging, run: readonly SegmentName[], half: string) {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('nothing to merge');
  await using file = await open(half, 'w', 0o600);
  const hash = createHash('sha256');
  const whole = createHash('sha256');
  const write = async (bytes: Buffer) => {
    whole.update(bytes);
    await file.writeFile(bytes);
  };
  const writeHashed = async (bytes: Buffer) => {
    hash.update(bytes);
    await write(bytes);
  };
  await writeHashed(segmentHead(first.from));
  let count = 0;
  let end: SegmentEnd | null = null;
  for (const segment of run) {
    const part = await readStagedSegment(staging, segment);
    await writeHashed(Buffer.concat(part.events));
    count += part.events.length;
    end = part.end;
  }
  await write(segmentEnd({ to: last.to, events: count, token: end?.token ?? Buffer.alloc(0) }, hash));
  await file.sync();
  return { name: { from: first.from, to: last.to }, checksum: whole.digest('hex') };
}

async function checksumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

async function withSizes({ changes }: Staging, segments: readonly SegmentName[]): Promise<SizedSegment[]> {
  const sized: SizedSegment[] = [];
  for (const segment of segments) {
    const { size } = await stat(join(changes, segmentFile(segment)));
    sized.push({ ...segment, bytes: size });
  }
  return sized;
}
