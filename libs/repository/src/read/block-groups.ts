import type { ChunkLocation } from '../index/index-database.ts';
import type { QueuedPiece } from './block-queue.ts';

/** Blocks this near to each other are read in one go, with what lies between them. */
const GAP_MAX = 128 * 1024;
const SEALED_MAX = 4 * 1024 * 1024;
/** So that the work of one message stays small enough to share out. */
const RAW_MAX = 8 * 1024 * 1024;

/** A block and what is wanted of it. */
export interface BlockJob {
  /** Of one of its chunks: what it says of the block holds for all. */
  readonly place: ChunkLocation;
  readonly pieces: QueuedPiece[];
}

/** Blocks in the order in which packs hold them, in groups that one ranged get reads. */
export function groupBlocks(jobs: BlockJob[]): BlockJob[][] {
  const groups: BlockJob[][] = [];
  let group: BlockJob[] = [];
  let raw = 0;
  for (const job of jobs.sort((one, other) => order(one.place, other.place))) {
    const is_joined = group.length > 0 && canJoin(group, job) && raw + job.place.raw_length <= RAW_MAX;
    if (!is_joined) {
      group = [];
      raw = 0;
      groups.push(group);
    }
    group.push(job);
    raw += job.place.raw_length;
  }
  return groups;
}

function canJoin(group: readonly BlockJob[], { place }: BlockJob): boolean {
  const [first, last] = [group[0]?.place as ChunkLocation, group.at(-1)?.place as ChunkLocation];
  const gap = place.block_offset - (last.block_offset + last.sealed_length);
  const length = place.block_offset + place.sealed_length - first.block_offset;
  return place.pack === first.pack && gap >= 0 && gap <= GAP_MAX && length <= SEALED_MAX;
}

function order(one: ChunkLocation, other: ChunkLocation): number {
  if (one.pack !== other.pack) return one.pack < other.pack ? -1 : 1;
  return one.block - other.block;
}
