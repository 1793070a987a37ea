import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InOrder, type Turn } from './in-order.ts';

describe('work that ends in any order', () => {
  test('is taken in the order in which it was begun', () => {
    const ends = fc.array(fc.option(fc.nat(1000)), { maxLength: 200 });
    fc.assert(
      fc.property(ends, (priorities) => {
        const order = new InOrder();
        const taken: number[] = [];
        const open: { turn: Turn; number: number; priority: number }[] = [];
        for (const [number, priority] of priorities.entries()) {
          if (priority === null) order.pass(() => taken.push(number));
          else open.push({ turn: order.begin(), number, priority });
        }
        for (const { turn, number } of open.toSorted((one, other) => one.priority - other.priority)) {
          turn.take = () => taken.push(number);
          order.advance();
        }
        expect(taken).toEqual([...priorities.keys()]);
        expect(order.length).toBe(0);
      }),
    );
  });
});
