import { isStorageError } from '@holdfast/storage/blob-store';
import pLimit from 'p-limit';
import type { CheckRequest, PackSubset } from '../api.ts';
import { PREFIX_BYTES } from '../crypto/keys.ts';
import type { Engine } from '../engine.ts';
import { reasonOf, throwIfAborted } from '../errors.ts';
import { indexedChunks, indexedPacks, prepareForTables } from '../index/index-database.ts';
import { packName } from '../pack/pack-name.ts';
import type { CheckedPack } from '../threads/messages.ts';
import { leastBusy, type ThreadLease } from '../threads/worker-pool.ts';
import type { Findings } from './findings.ts';
import type { PackSizes } from './unindexed-packs.ts';

const ATTEMPTS = 3;

type DataRequest = Pick<CheckRequest, 'read_data' | 'subset' | 'on_progress' | 'signal'>;

interface IndexedSize {
  readonly id: string;
  readonly size: number;
}

/** Every pack that the index names stands with its size; with `read_data` every byte of it is what was stored. */
export async function checkPacks(
  engine: Engine,
  findings: Findings,
  options: { sizes: PackSizes; request: DataRequest; unread: ReadonlySet<string> },
): Promise<void> {
  const { sizes, request, unread } = options;
  prepareForTables(engine.index.db);
  const to_read: IndexedSize[] = [];
  const is_chosen = request.read_data ? subsetFilter(request.subset) : () => false;
  const wanted = (id: string) => is_chosen(id) && !unread.has(id);
  for (const pack of indexedPacks(engine.index.db)) {
    const size = sizes.get(pack.id);
    // No problem by itself: maintenance deletes a pack after the last index object that names it, others may be in between.
    if (size === undefined && engine.index.isMarked(pack.id)) await loseChunks(engine, findings, pack.id);
    else if (size === undefined)
      await losePack(engine, findings, { id: pack.id, problem: 'the pack is missing' });
    else if (wanted(pack.id)) to_read.push({ id: pack.id, size });
    else if (size !== pack.size) {
      const problem = `it has ${size} bytes instead of ${pack.size}`;
      await losePack(engine, findings, { id: pack.id, problem });
    }
  }
  await readPacks(engine, findings, { packs: to_read, request });
}

/** A few packs at a time: got here, opened and hashed in worker threads. */
async function readPacks(
  engine: Engine,
  findings: Findings,
  work: { packs: readonly IndexedSize[]; request: DataRequest },
): Promise<void> {
  const { packs, request } = work;
  if (packs.length === 0) return;
  using lease = engine.pool.lease();
  const bytes_total = packs.reduce((sum, { size }) => sum + size, 0);
  let [files_done, bytes_done] = [0, 0];
  const limit = pLimit(lease.threads.length);
  await limit.map(packs, async (pack) => {
    throwIfAborted(request.signal);
    const checked = await readPack(engine, lease, pack.id);
    if (typeof checked === 'string') await losePack(engine, findings, { id: pack.id, problem: checked });
    else note(findings, pack.id, checked);
    files_done += 1;
    bytes_done += pack.size;
    request.on_progress?.({ files_done, files_total: packs.length, bytes_done, bytes_total });
  });
}

/** What is wrong with it; a text where it cannot be had at all. */
async function readPack(engine: Engine, lease: ThreadLease, id: string): Promise<CheckedPack | string> {
  const data = await getPack(engine, id);
  if (typeof data === 'string') return data;
  const thread = leastBusy(lease.threads);
  if (thread === undefined) throw new Error('no engine thread');
  const { keys, index } = engine;
  const task = { task: 'check_pack', keys, index_file: index.file, pack: id, data } as const;
  return thread.run(task, [data.buffer as ArrayBuffer]);
}

/** What fails for a moment is no damage. */
async function getPack(engine: Engine, id: string): Promise<Buffer | string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await engine.store.get(packName(id));
    } catch (error) {
      if (isStorageError(error, 'not_found')) return 'the pack is missing';
      if (attempt === ATTEMPTS) return `it cannot be read: ${reasonOf(error)}`;
    }
  }
}

function note(findings: Findings, id: string, { problems, lost }: CheckedPack): void {
  for (const problem of problems) findings.add(packName(id), problem);
  if (problems.length > 0) findings.bad_packs.add(id);
  const prefixes = Buffer.from(lost.buffer, lost.byteOffset, lost.byteLength);
  for (let at = 0; at < prefixes.length; at += PREFIX_BYTES)
    findings.loseChunk(prefixes.subarray(at, at + PREFIX_BYTES), id);
}

async function losePack(
  engine: Engine,
  findings: Findings,
  pack: { id: string; problem: string },
): Promise<void> {
  findings.add(packName(pack.id), pack.problem);
  await loseChunks(engine, findings, pack.id);
}

async function loseChunks(engine: Engine, findings: Findings, pack: string): Promise<void> {
  findings.bad_packs.add(pack);
  for await (const prefix of indexedChunks(engine.index.db, pack)) findings.loseChunk(prefix, pack);
}

/** Parts are chosen by the first byte of a pack's id, so that all parts of one number are the whole. */
function subsetFilter(subset: PackSubset | undefined): (id: string) => boolean {
  if (subset === undefined) return () => true;
  if ('percent' in subset) return () => Math.random() * 100 < subset.percent;
  return (id) => Number.parseInt(id.slice(0, 4), 16) % subset.of === subset.part - 1;
}
