import type { Engine } from '../engine.ts';
import { PackReturns } from '../threads/pack-returns.ts';
import type { EngineThread } from '../threads/worker-pool.ts';
import type { ClaimTable } from './claim-table.ts';
import type { PackStore } from './pack-store.ts';

export interface StoringOptions {
  readonly engine: Engine;
  readonly packs: PackStore;
  /** One for all threads: what one stores, no other does. */
  readonly claims: ClaimTable;
  readonly compress: boolean;
  /** Of zstd; default: that of backups. */
  readonly level?: number | undefined;
  /** Of a pack; tests make them small. */
  readonly pack_bytes?: number | undefined;
}

/**
 * Makes threads ready to store chunks, until each has done `end_backup`; their packs go to `packs`, and their memory back.
 * Disposing of it stops what the threads still do of this, also in the middle of a large file.
 */
export async function beginStoring(
  threads: readonly EngineThread[],
  { engine, packs, claims, compress, level, pack_bytes }: StoringOptions,
): Promise<Disposable> {
  const index_file = engine.index.presentFile();
  using returns = new DisposableStack();
  const begun = threads.map(async (thread) => {
    const own = returns.use(new PackReturns());
    const coding = { compress, level, pack_bytes };
    const shared = { index_file, claim_tables: claims.tables, returns: own.ticket };
    await thread.run({ task: 'begin_backup', keys: engine.keys, ...coding, ...shared }, [own.ticket.port]);
    // Not before: what an earlier backup left over may still make packs, and waits for its own to be given back.
    thread.on_pack = (pack) => packs.put(pack, (memory) => own.giveBack(memory));
  });
  await Promise.all(begun);
  return returns.move();
}
