import type { RepositoryKeys } from '../crypto/keys.ts';
import { isRepositoryError, reasonOf } from '../errors.ts';
import { indexedTable, openIndexReadOnly } from '../index/index-database.ts';
import { openPack, verifyBlocks } from '../pack/pack-reader.ts';
import type { BlockInfo, PackTable } from '../pack/pack-table.ts';
import type { ChunkPlace } from '../pack/table-chunks.ts';
import { releaseMemory } from '../release-memory.ts';
import { asBuffer, asKeys } from '../threads/keys-over-threads.ts';
import type { CheckedPack, CheckPack } from '../threads/messages.ts';

/** Verifies every byte of a pack. Synchronous: for worker threads. */
export function checkPack(task: CheckPack): CheckedPack {
  const keys = asKeys(task.keys);
  const data = asBuffer(task.data);
  using db = openIndexReadOnly(task.index_file);
  const indexed = indexedTable(db, task.pack);
  const problems: string[] = [];
  const lost: Buffer[] = [];
  if (data.length !== indexed.size) problems.push(`it has ${data.length} bytes instead of ${indexed.size}`);
  for (const damage of verifyBlocks(keys, { id: task.pack, ...indexed }, data)) {
    problems.push(damage.problem);
    lost.push(...damage.prefixes);
  }
  const footer = footerProblem(keys, { id: task.pack, data }, indexed);
  if (footer !== undefined) problems.push(footer);
  // Given back now: the collector does not see how much hangs on it, and lets dozens of packs pile up.
  releaseMemory(data);
  return { problems, lost: Buffer.concat(lost) };
}

/** Without its footer a pack can be read, but not indexed again. */
function footerProblem(
  keys: RepositoryKeys,
  pack: { id: string; data: Buffer },
  indexed: { header: Buffer; table: PackTable },
): string | undefined {
  try {
    const { header, table } = openPack(keys, pack.id, pack.data);
    if (!header.equals(indexed.header)) return 'its header is not the one that was indexed';
    return isSameTable(table, indexed.table) ? undefined : 'its footer is not what was indexed';
  } catch (error) {
    if (!isRepositoryError(error) && !(Error.isError(error) && error.name === 'RangeError')) throw error;
    return `footer: ${reasonOf(error)}`;
  }
}

function isSameTable(one: PackTable, other: PackTable): boolean {
  if (one.blocks.length !== other.blocks.length || one.chunks.length !== other.chunks.length) return false;
  const [left, right] = [inOrder(one), inOrder(other)];
  const same_chunks = left.every((chunk, index) => isSameChunk(chunk, right[index] as ChunkPlace));
  return (
    same_chunks && one.blocks.every((block, index) => isSameBlock(block, other.blocks[index] as BlockInfo))
  );
}

function inOrder({ chunks }: PackTable): ChunkPlace[] {
  return [...chunks].sort(
    (one, other) => one.prefix.compare(other.prefix) || one.block - other.block || one.offset - other.offset,
  );
}

function isSameChunk(one: ChunkPlace, other: ChunkPlace): boolean {
  const is_same_place =
    one.block === other.block && one.offset === other.offset && one.length === other.length;
  return is_same_place && one.prefix.equals(other.prefix);
}

function isSameBlock(one: BlockInfo, other: BlockInfo): boolean {
  const is_same_place = one.offset === other.offset && one.sealed_length === other.sealed_length;
  return is_same_place && one.raw_length === other.raw_length && one.codec === other.codec;
}
