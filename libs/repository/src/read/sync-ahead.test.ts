import { describe, expect, test } from '@jest/globals';
import { SyncAhead } from './sync-ahead.ts';

const MUCH_BYTES = 200 * 1024 * 1024;

/** Syncs that end when they are told to. */
function heldSyncs() {
  const begun: PromiseWithResolvers<void>[] = [];
  const sync = () => {
    const held = Promise.withResolvers<void>();
    begun.push(held);
    return held.promise;
  };
  return { begun, ahead: new SyncAhead(sync) };
}

describe('syncing while more is written', () => {
  test('begins once much is written, one at a time', async () => {
    const { begun, ahead } = heldSyncs();
    ahead.wrote(1);
    expect(begun).toHaveLength(0);
    ahead.wrote(MUCH_BYTES);
    ahead.wrote(MUCH_BYTES);
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    await ahead.abandon();
    ahead.wrote(1);
    expect(begun).toHaveLength(2);
  });

  test('ends with one more sync, begun after all was written', async () => {
    const { begun, ahead } = heldSyncs();
    ahead.wrote(MUCH_BYTES);
    let is_done = false;
    const finished = ahead.finish().then(() => {
      is_done = true;
    });
    begun[0]?.resolve();
    await ahead.abandon();
    await Promise.resolve();
    expect([begun.length, is_done]).toEqual([2, false]);
    begun[1]?.resolve();
    await finished;
  });

  test('a sync that failed meanwhile is told at the end, though the last one would succeed', async () => {
    const { begun, ahead } = heldSyncs();
    ahead.wrote(MUCH_BYTES);
    begun[0]?.reject(new Error('EIO'));
    await ahead.abandon();
    await expect(ahead.finish()).rejects.toThrow('EIO');
  });
});
