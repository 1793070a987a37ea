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
}

/** Makes threads ready to store chunks, until each has done `end_backup`; their packs go to `packs`, and their memory back. */
export async function beginStoring(
  threads: readonly EngineThread[],
  { engine, packs, claims, compress, level }: StoringOptions,
): Promise<Disposable> {
  const index_file = engine.index.presentFile();
  const returns = new DisposableStack();
  const begun = threads.map((thread) => {
    const own = returns.use(new PackReturns());
    thread.on_pack = (pack) => packs.put(pack, (memory) => own.giveBack(memory));
    const coding = { compress, ...(level !== undefined && { level }) };
    const shared = { index_file, claim_tables: claims.tables, returns: own.ticket };
    return thread.run({ task: 'begin_backup', keys: engine.keys, ...coding, ...shared }, [own.ticket.port]);
  });
  await Promise.all(begun);
  return returns;
}
