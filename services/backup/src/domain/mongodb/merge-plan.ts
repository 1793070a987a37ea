import { compareTimes } from './cluster-time.ts';
import type { SegmentName } from './segment.ts';

/** A segment that stands, with its size. */
export interface SizedSegment extends SegmentName {
  readonly bytes: number;
}

/** So many segments of one size become one. */
export const MERGE_COUNT = 16;
/** More small segments than this never lie between two large ones, whatever their sizes are. */
export const SMALL_MAX = 64;
const SMALLEST_BYTES = 256;
const BITS_OF_A_LEVEL = 4;

/**
 * What is to be merged first: runs that follow each other without a gap, each of at least two segments and of no more
 * than `bytes_max`. Empty where there are few enough. Segments grow by a factor of 16 from merge to merge, so that each
 * change is written again only a few times in its life.
 */
export function planMerges(segments: readonly SizedSegment[], bytes_max: number): SizedSegment[][] {
  const runs = runsOfSmall(segments, bytes_max / 2);
  const highest = levelOf(bytes_max);
  for (let level = 0; level <= highest; level++) {
    const due = runs.flatMap((run) => piecesOf(run, level)).filter((run) => isDue(run, level));
    if (due.length > 0) return due.flatMap((run) => groupsOf(run, bytes_max));
  }
  return [];
}

/** Segments that lie within a larger one: a merge was killed before it had dropped them. */
export function coveredSegments<Segment extends SegmentName>(segments: readonly Segment[]): Segment[] {
  const covered: Segment[] = [];
  let widest: Segment | null = null;
  for (const segment of [...segments].sort(byBegin)) {
    if (widest !== null && compareTimes(segment.to, widest.to) <= 0) covered.push(segment);
    else widest = segment;
  }
  return covered;
}

/** Oldest begin first; of those that begin together the longest first. */
export function byBegin(one: SegmentName, other: SegmentName): number {
  return compareTimes(one.from, other.from) || compareTimes(other.to, one.to);
}

function levelOf(bytes: number): number {
  return Math.max(0, Math.floor(Math.log2(bytes / SMALLEST_BYTES) / BITS_OF_A_LEVEL));
}

/** Segments that follow each other, none of them large. */
function runsOfSmall(segments: readonly SizedSegment[], large: number): SizedSegment[][] {
  const runs: SizedSegment[][] = [[]];
  for (const segment of [...segments].sort(byBegin)) {
    const before = runs.at(-1)?.at(-1);
    const follows = before === undefined || compareTimes(before.to, segment.from) === 0;
    if (segment.bytes > large) runs.push([]);
    else if (follows) runs.at(-1)?.push(segment);
    else runs.push([segment]);
  }
  return runs;
}

/** The parts of a run that hold nothing above a level. */
function piecesOf(run: readonly SizedSegment[], level: number): SizedSegment[][] {
  const pieces: SizedSegment[][] = [[]];
  for (const segment of run) {
    if (levelOf(segment.bytes) > level) pieces.push([]);
    else pieces.at(-1)?.push(segment);
  }
  return pieces;
}

function isDue(run: readonly SizedSegment[], level: number): boolean {
  const of_level = run.filter(({ bytes }) => levelOf(bytes) === level).length;
  return of_level >= MERGE_COUNT || run.length >= SMALL_MAX;
}

function groupsOf(run: readonly SizedSegment[], bytes_max: number): SizedSegment[][] {
  const groups: SizedSegment[][] = [[]];
  let bytes = 0;
  for (const segment of run) {
    if (bytes + segment.bytes > bytes_max) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(segment);
    bytes += segment.bytes;
  }
  return groups.filter((group) => group.length > 1);
}
