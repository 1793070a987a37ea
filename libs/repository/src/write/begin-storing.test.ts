import { describe, expect, test } from '@jest/globals';
import type { Engine } from '../engine.ts';
import type { FinishedPack } from '../pack/pack-writer.ts';
import type { EngineThread } from '../threads/worker-pool.ts';
import { beginStoring } from './begin-storing.ts';
import type { ClaimTable } from './claim-table.ts';
import type { PackStore } from './pack-store.ts';

const packNamed = (id: string) => ({ id }) as FinishedPack;

/** A thread that is still busy with an earlier backup, and sends a pack of that before it begins with this one. */
function makeBusyThread() {
  const taken = { by_earlier: [] as string[], by_this: [] as string[] };
  const thread = {
    on_pack: ({ id }: FinishedPack) => {
      taken.by_earlier.push(id);
    },
    async run() {
      await Promise.resolve();
      thread.on_pack(packNamed('left over'));
    },
  };
  return { thread: thread as unknown as EngineThread, taken };
}

describe('a thread that begins to store', () => {
  test('hands the packs that an earlier backup left over to that, which waits for their memory', async () => {
    const { thread, taken } = makeBusyThread();
    const packs = { put: ({ id }: FinishedPack) => taken.by_this.push(id) } as unknown as PackStore;
    const engine = { keys: {}, index: { presentFile: () => 'index' } } as unknown as Engine;
    const claims = { tables: [] } as unknown as ClaimTable;
    using _ = await beginStoring([thread], { engine, packs, claims, compress: true });
    thread.on_pack(packNamed('own'));
    expect(taken).toEqual({ by_earlier: ['left over'], by_this: ['own'] });
  });
});
