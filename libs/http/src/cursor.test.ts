import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.ts';

const Place = z.object({ seq: z.number().int() });

test('a place comes back as it was', () => {
  expect(decodeCursor(encodeCursor({ seq: 42 }), Place)).toEqual({ seq: 42 });
});

test.each(['', 'x', '%%%', encodeCursor({ seq: 'DROP TABLE' })])('%j is a bad request', (text) => {
  expect(() => decodeCursor(text, Place)).toThrow('is not one that was given out');
});
