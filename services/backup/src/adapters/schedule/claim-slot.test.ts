import { HoldfastError } from '@holdfast/contracts/errors';
import { createMemoryKeyValue, type KeyValue } from '@holdfast/event-store/key-value';
import { createMemoryStore } from '@holdfast/event-store/memory-store';
import { testContext } from '@holdfast/testkit/context';
import { type FakeClock, fakeClock } from '@holdfast/testkit/fake-clock';
import { describe, expect, test } from '@jest/globals';
import { createSlotClaimer } from './claim-slot.ts';

const NOW = Date.parse('2026-07-15T12:00:00.000Z');

interface World {
  clock?: FakeClock;
  bucket?: KeyValue;
  connected?: boolean;
}

async function claimer(owner: string, { clock = fakeClock(NOW), bucket, connected = true }: World) {
  const events = { ...createMemoryStore(), connected: () => connected };
  const keyValue = bucket === undefined ? events.keyValue : async () => bucket;
  const context = await testContext({
    name: 'backup',
    data_dir: '/nowhere',
    clock,
    events: { ...events, keyValue },
  });
  return createSlotClaimer(context, owner);
}

describe('a slot', () => {
  test('is one instance’s, and stays its own over a restart', async () => {
    const world = { bucket: createMemoryKeyValue() };
    const [one, other] = await Promise.all([claimer('one', world), claimer('other', world)]);
    const claims = await Promise.all([one.claim('daily', NOW), other.claim('daily', NOW)]);
    expect(claims.filter(Boolean)).toHaveLength(1);
    const again = await claimer(claims[0] ? 'one' : 'other', world);
    expect(await again.claim('daily', NOW)).toBe(true);
  });

  test('of another schedule, or the next, is free', async () => {
    const world = { bucket: createMemoryKeyValue(), clock: fakeClock(NOW + 1) };
    const [one, other] = await Promise.all([claimer('one', world), claimer('other', world)]);
    await one.claim('daily', NOW);
    expect(await other.claim('hourly', NOW)).toBe(true);
    expect(await other.claim('daily', NOW + 1)).toBe(true);
    expect(await one.claim('daily', NOW)).toBe(false);
  });

  test('that a wrong clock has claimed in the future holds nobody back', async () => {
    const world = { bucket: createMemoryKeyValue() };
    const [one, other] = await Promise.all([claimer('one', world), claimer('other', world)]);
    await one.claim('daily', NOW + 1);
    expect(await other.claim('daily', NOW)).toBe(true);
  });
});

describe('without NATS', () => {
  const failing: KeyValue = {
    ...createMemoryKeyValue(),
    get: () => Promise.reject(new HoldfastError('nats_unreachable', 'away')),
  };
  const silent: KeyValue = { ...createMemoryKeyValue(), get: () => Promise.withResolvers<null>().promise };

  test('the host runs it all the same', async () => {
    const bucket = createMemoryKeyValue();
    await (await claimer('other', { bucket })).claim('daily', NOW);
    expect(await (await claimer('one', { bucket, connected: false })).claim('daily', NOW)).toBe(true);
    expect(await (await claimer('one', { bucket: failing })).claim('daily', NOW)).toBe(true);
  });

  test('also where no answer comes', async () => {
    const clock = fakeClock(NOW);
    const claimed = (await claimer('one', { bucket: silent, clock })).claim('daily', NOW);
    clock.advance(2_000);
    expect(await claimed).toBe(true);
  });
});
