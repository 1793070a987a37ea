import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deriveKeys } from '@holdfast/repository/crypto/keys';
import { sealIndex } from '@holdfast/repository/index/index-object';
import { unlock } from '@holdfast/repository/key-ring';
import { ChunkRecords } from '@holdfast/repository/pack/chunk-records';
import { decodePackTable, encodePackTable } from '@holdfast/repository/pack/pack-table';
import { readConfig } from '@holdfast/repository/repository-config';
import { createLocalStore } from '@holdfast/storage/local';

const CHUNKS_A_PACK = 50_000;
const CHUNK_BYTES = 64;

/** Index objects that name chunks which nobody stored: an index of any size without its repository. */
export async function growIndex(repository: string, password_file: string, chunks: number): Promise<void> {
  const store = createLocalStore(repository);
  const id = Buffer.from((await readConfig(store)).id, 'hex');
  const password = readFileSync(password_file, 'utf8').trim();
  const { secrets } = await unlock(store, id, { password });
  const keys = deriveKeys(id, secrets);
  for (let first = 0; first < chunks; first += CHUNKS_A_PACK) {
    const { name, object } = sealIndex(keys, [madeUpPack()]);
    await store.put(name, object);
  }
}

function madeUpPack() {
  const records = new ChunkRecords();
  for (let n = 0; n < CHUNKS_A_PACK; n += 1) records.add(randomBytes(32), n * CHUNK_BYTES, CHUNK_BYTES);
  const raw_length = CHUNKS_A_PACK * CHUNK_BYTES;
  const block = { offset: 40, sealed_length: raw_length + 16, raw_length, codec: 0 };
  const header = Buffer.concat([Buffer.from('HFO1', 'latin1'), Buffer.alloc(36)]);
  const in_pack = new ChunkRecords();
  in_pack.take(records, 0);
  const table = encodePackTable([block], in_pack);
  // A table that does not decode would be passed over as damaged, and nothing would have grown.
  decodePackTable(table);
  return { id: randomBytes(16).toString('hex'), size: raw_length + 4096, header, table };
}
