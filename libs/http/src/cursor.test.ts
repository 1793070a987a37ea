import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { cutPage, decodeCursor, encodeCursor } from './cursor.ts';

const Place = z.object({ seq: z.number().int() });

test('a place comes back as it was', () => {
  expect(decodeCursor(encodeCursor({ seq: 42 }), Place)).toEqual({ seq: 42 });
});

test.each(['', 'x', '%%%', encodeCursor({ seq: 'DROP TABLE' })])('%j is a bad request', (text) => {
  expect(() => decodeCursor(text, Place)).toThrow('is not one that was given out');
});

test('a page has a next one only where more was found than it holds', () => {
  const place = (seq: number) => ({ seq });
  expect(cutPage([1, 2, 3], 2, place)).toEqual({ page: [1, 2], next_cursor: encodeCursor({ seq: 2 }) });
  expect(cutPage([1, 2], 2, place)).toEqual({ page: [1, 2], next_cursor: null });
  expect(cutPage([], 2, place)).toEqual({ page: [], next_cursor: null });
});
