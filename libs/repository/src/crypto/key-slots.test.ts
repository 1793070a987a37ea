import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { decodeSlot, encodeSlot, openSlot, PASSPHRASE_ROUNDS, sealSlot } from './key-slots.ts';

const id = randomBytes(16);
const secrets = { master: randomBytes(32), id_secret: randomBytes(32) };
const by_password = { secret: { password: 'ñandú café' }, label: 'me', rounds: 1000 };

describe('a key slot', () => {
  test('opens with its passphrase, however its accents are composed, and with no other', async () => {
    const sealed = await sealSlot(id, secrets, by_password);
    const slot = decodeSlot(`keys/${sealed.id}`, encodeSlot(sealed));
    expect(() => decodeSlot('keys/x', encodeSlot(sealed))).toThrow('of another name');
    expect(await openSlot(id, slot, { password: 'ñandú café'.normalize('NFD') })).toEqual(secrets);
    expect(await openSlot(id, slot, { password: 'nandu cafe' })).toBeUndefined();
    expect(await openSlot(id, slot, { key_file_bytes: Buffer.from('ñandú café') })).toBeUndefined();
  });

  test('opens with its key file', async () => {
    const key_file_bytes = randomBytes(32);
    const slot = await sealSlot(id, secrets, { secret: { key_file_bytes }, label: 'file' });
    expect(await openSlot(id, slot, { key_file_bytes })).toEqual(secrets);
    expect(await openSlot(id, slot, { key_file_bytes: randomBytes(32) })).toBeUndefined();
  });

  test('belongs to one repository, and its rounds cannot be lowered', async () => {
    const slot = await sealSlot(id, secrets, { ...by_password, rounds: 2000 });
    expect(await openSlot(randomBytes(16), slot, by_password.secret)).toBeUndefined();
    expect(await openSlot(id, { ...slot, rounds: 1000 }, by_password.secret)).toBeUndefined();
    await expect(openSlot(id, { ...slot, rounds: 1 }, by_password.secret)).rejects.toThrow('out of bounds');
  });

  test('stretches a passphrase by 600,000 rounds unless told otherwise', async () => {
    const slot = await sealSlot(id, secrets, { secret: { password: 'x' }, label: '' });
    expect(slot.rounds).toBe(PASSPHRASE_ROUNDS);
    expect(PASSPHRASE_ROUNDS).toBeGreaterThanOrEqual(600_000);
  });

  test('of a kind that is not known is refused', async () => {
    const slot = await sealSlot(id, secrets, by_password);
    const newer = Buffer.from(JSON.stringify({ ...slot, kind: 'quantum' }));
    expect(() => decodeSlot('keys/x', newer)).toThrow('does not know');
  });
});
