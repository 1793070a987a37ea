/** The thread that does the heavy work of a repository: it reads, cuts, compresses, seals, decodes and writes. */
import { parentPort } from 'node:worker_threads';
import { checkPack } from '../check/check-pack.ts';
import { createChunker } from '../chunker/fastcdc.ts';
import { copyBlock } from '../copy/copy-block.ts';
import { fromStorage, reasonOf, systemCode } from '../errors.ts';
import { knownChunks, openIndexReadOnly } from '../index/index-database.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import { verifyFiles } from '../read/verify-files.ts';
import { writeBlocks } from '../read/write-blocks.ts';
import { releaseMemory } from '../release-memory.ts';
import { ChunkSink } from '../write/chunk-sink.ts';
import { ClaimTable } from '../write/claim-table.ts';
import { createStamper } from '../write/stamp.ts';
import { type StoreParts, storeBatch } from '../write/store-batch.ts';
import { asKeys } from './keys-over-threads.ts';
import type {
  BeginBackup,
  FromThread,
  PieceProblem,
  StoredBatch,
  StoreFiles,
  Task,
  WriteBlocks,
} from './messages.ts';
import { type ReturnTicket, takeReturned, throwIfStopped, waitForReturns } from './pack-returns.ts';

interface BackupState extends StoreParts, Disposable {
  readonly claims: ClaimTable;
}

let backup: BackupState | undefined;

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

function sendPack(pack: FinishedPack, returns: ReturnTicket): void {
  send({ kind: 'pack', pack }, [pack.data.buffer as ArrayBuffer]);
  waitForReturns(returns);
}

function beginBackup(task: BeginBackup): void {
  backup?.[Symbol.dispose]();
  const keys = asKeys(task.keys);
  const db = openIndexReadOnly(task.index_file);
  const claims = new ClaimTable(task.claim_tables);
  const index = knownChunks(db);
  const { compress, level, pack_bytes, returns } = task;
  const on_pack = (pack: FinishedPack) => sendPack(pack, returns);
  const takeMemory = () => takeReturned(returns);
  const coding = { compress, level, pack_bytes };
  const sink = new ChunkSink({ keys, index, claims, ...coding, on_pack, takeMemory });
  const chunker = createChunker(keys.gear_seed);
  const stampOf = createStamper(keys.tree_seed);
  const parts = { chunker, sink, stampOf, throwIfStopped: () => throwIfStopped(returns) };
  const end = () => {
    db.close();
    returns.port.close();
  };
  backup = { ...parts, claims, [Symbol.dispose]: end };
}

function storeFiles(task: StoreFiles): StoredBatch {
  const state = begun();
  if (task.new_table !== undefined) state.claims.adopt(task.new_table);
  return storeBatch(task.paths, state);
}

function endBackup(): void {
  begun().sink.flush();
  backup?.[Symbol.dispose]();
  backup = undefined;
}

function writeSealed(task: WriteBlocks): PieceProblem[] {
  const problems = writeBlocks(task);
  releaseMemory(task.sealed);
  return problems;
}

function begun(): BackupState {
  if (backup === undefined) throw new Error('no backup was begun in this thread');
  return backup;
}

function perform(task: Task): unknown {
  switch (task.task) {
    case 'begin_backup':
      return beginBackup(task);
    case 'store_files':
      return storeFiles(task);
    case 'end_backup':
      return endBackup();
    case 'copy_block':
      return copyBlock(task, begun().sink);
    case 'check_pack':
      return checkPack(task);
    case 'write_blocks':
      return writeSealed(task);
    case 'verify_files':
      return verifyFiles(task);
  }
}

/** What is handed over with a result and not copied. */
function memoryOf(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null || !('stamps' in result)) return [];
  const { entries, lengths, stamps } = result as StoredBatch;
  return [entries, lengths, stamps].map(({ buffer }) => buffer as ArrayBuffer);
}

parentPort?.on('message', ({ id, task }: { id: number; task: Task }) => {
  try {
    const result = perform(task);
    send({ kind: 'result', id, result }, memoryOf(result));
  } catch (thrown) {
    const error = fromStorage(thrown);
    send({ kind: 'error', id, error: { message: reasonOf(error), code: systemCode(error) } });
  }
});
send({ kind: 'loaded' });
