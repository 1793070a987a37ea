/** The thread that does the heavy work of a repository: it reads, cuts, compresses, seals, decodes and writes. */
import { parentPort } from 'node:worker_threads';
import { checkPack } from '../check/check-pack.ts';
import { type Chunker, createChunker } from '../chunker/fastcdc.ts';
import { copyBlock } from '../copy/copy-block.ts';
import { reasonOf, systemCode } from '../errors.ts';
import { knownChunks, openIndexReadOnly } from '../index/index-database.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import { writeBlock } from '../read/write-block.ts';
import { ChunkSink } from '../write/chunk-sink.ts';
import { ClaimTable } from '../write/claim-table.ts';
import { tryStoreFile } from '../write/store-file.ts';
import { asKeys } from './keys-over-threads.ts';
import type { BeginBackup, FromThread, StoreFiles, StoreResult, Task } from './messages.ts';

interface BackupState extends Disposable {
  readonly chunker: Chunker;
  readonly sink: ChunkSink;
  readonly claims: ClaimTable;
}

let backup: BackupState | undefined;

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

function sendPack(pack: FinishedPack): void {
  send({ kind: 'pack', pack }, [pack.data.buffer as ArrayBuffer]);
}

function beginBackup(task: BeginBackup): void {
  backup?.[Symbol.dispose]();
  const keys = asKeys(task.keys);
  const db = openIndexReadOnly(task.index_file);
  const claims = new ClaimTable(task.claim_tables);
  const index = knownChunks(db);
  const { compress, level } = task;
  const options = { compress, ...(level !== undefined && { level }), on_pack: sendPack };
  const sink = new ChunkSink({ keys, index, claims, ...options });
  backup = { chunker: createChunker(keys.gear_seed), sink, claims, [Symbol.dispose]: () => db.close() };
}

function storeFiles(task: StoreFiles): StoreResult[] {
  const state = begun();
  if (task.new_table !== undefined) state.claims.adopt(task.new_table);
  return task.paths.map((path) => tryStoreFile(path, state.chunker, state.sink));
}

function endBackup(): void {
  begun().sink.flush();
  backup?.[Symbol.dispose]();
  backup = undefined;
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
    case 'write_block':
      return writeBlock(task);
    case 'copy_block':
      return copyBlock(task, begun().sink);
    case 'check_pack':
      return checkPack(task);
  }
}

parentPort?.on('message', ({ id, task }: { id: number; task: Task }) => {
  try {
    send({ kind: 'result', id, result: perform(task) });
  } catch (error) {
    send({ kind: 'error', id, error: { message: reasonOf(error), code: systemCode(error) } });
  }
});
