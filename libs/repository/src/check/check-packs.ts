import type { Engine } from '../engine.ts';
import { isRepositoryError, reasonOf } from '../errors.ts';
import { indexedPacks, indexedTable, prepareForTables } from '../index/index-database.ts';
import { PACK_PREFIX, packName } from '../pack/pack-name.ts';
import { openPack, verifyBlocks } from '../pack/pack-reader.ts';
import { Slice } from '../slice.ts';
import type { Findings } from './findings.ts';

/**
 * Every pack that the index names stands with its size; with `read_data` every byte of it is what was stored. Packs
 * that no index names are the litter of backups that were cut short, and no problem.
 */
export async function checkPacks(
  engine: Engine,
  findings: Findings,
  options: { read_data: boolean; marked: ReadonlySet<string> },
): Promise<void> {
  prepareForTables(engine.index.db);
  const sizes = new Map<string, number>();
  for await (const { name, size } of engine.store.list(PACK_PREFIX)) sizes.set(name, size);
  for (const pack of indexedPacks(engine.index.db)) {
    const object = packName(pack.id);
    const size = sizes.get(object);
    const is_deleted = size === undefined && options.marked.has(pack.id);
    if (is_deleted) await loseChunks(engine, findings, pack.id);
    else if (size === undefined)
      await loseAll(engine, findings, { id: pack.id, problem: 'the pack is missing' });
    else if (options.read_data) await readPack(engine, findings, pack);
    else if (size !== pack.size) {
      await loseAll(engine, findings, {
        id: pack.id,
        problem: `it has ${size} bytes instead of ${pack.size}`,
      });
    }
  }
}

async function readPack(
  engine: Engine,
  findings: Findings,
  pack: { id: string; size: number },
): Promise<void> {
  const object = packName(pack.id);
  let data: Buffer;
  try {
    data = await engine.store.get(object);
  } catch (error) {
    await loseAll(engine, findings, { id: pack.id, problem: `it cannot be read: ${reasonOf(error)}` });
    return;
  }
  if (data.length !== pack.size) findings.add(object, `it has ${data.length} bytes instead of ${pack.size}`);
  const indexed = await indexedTable(engine.index.db, pack.id);
  checkFooter(engine, findings, { ...pack, data, header: indexed.header });
  const slice = new Slice();
  for (const damage of verifyBlocks(engine.keys, { id: pack.id, ...indexed }, data)) {
    if (damage !== undefined) {
      findings.add(object, damage.problem);
      for (const chunk of damage.chunks) findings.loseChunk(chunk, { id: pack.id, object });
    }
    await slice.rest();
  }
}

/** Without its footer a pack can be read, but not indexed again. */
function checkFooter(
  engine: Engine,
  findings: Findings,
  pack: { id: string; data: Buffer; header: Buffer },
): void {
  try {
    const { header } = openPack(engine.keys, pack.id, pack.data);
    if (!header.equals(pack.header))
      findings.add(packName(pack.id), 'its header is not the one that was indexed');
  } catch (error) {
    if (!isRepositoryError(error) && !(Error.isError(error) && error.name === 'RangeError')) throw error;
    findings.add(packName(pack.id), `footer: ${reasonOf(error)}`);
  }
}

async function loseAll(
  engine: Engine,
  findings: Findings,
  pack: { id: string; problem: string },
): Promise<void> {
  const object = packName(pack.id);
  findings.add(object, pack.problem);
  await loseChunks(engine, findings, pack.id);
}

/** No problem by itself: maintenance deletes a pack after the last index object that names it, others may be in between. */
async function loseChunks(engine: Engine, findings: Findings, pack: string): Promise<void> {
  for (const { id } of (await indexedTable(engine.index.db, pack)).table.chunks) {
    findings.loseChunk(id.toString('hex'), { id: pack, object: packName(pack) });
  }
}
