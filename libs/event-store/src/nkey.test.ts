import { expect, test } from '@jest/globals';
import { nkeys } from '@nats-io/nats-core';
import { keyOf, newKey } from './nkey.ts';

test.each(['operator', 'account', 'user'] as const)('the client reads our %s keys as we do', (role) => {
  const ours = newKey(role);
  const theirs = nkeys.fromSeed(new TextEncoder().encode(ours.seed));
  expect(theirs.getPublicKey()).toBe(ours.public_key);
  expect(keyOf(ours.seed).public_key).toBe(ours.public_key);
  const message = new TextEncoder().encode('nonce');
  expect(theirs.verify(message, new Uint8Array(ours.sign('nonce')))).toBe(true);
});

test('a mistyped seed is refused', () => {
  const { seed } = newKey('user');
  const other = seed.at(-1) === 'A' ? 'B' : 'A';
  expect(() => keyOf(seed.slice(0, 10) + other + seed.slice(11, -1) + other)).toThrow(/NATS key/);
  expect(() => keyOf('nonsense')).toThrow(/NATS key/);
});
