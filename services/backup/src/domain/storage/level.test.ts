import { HoldfastConfig } from '@holdfast/contracts/config';
import type { StorageLevel } from '@holdfast/contracts/storage-events';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { levelOf, type Space, thresholdsOf } from './level.ts';

const GIB = 2 ** 30;
const thresholds = (more: object = {}) => thresholdsOf(HoldfastConfig.parse({ host: 'web1', ...more }));
const at = (used_percent: number, free_bytes = 100 * GIB): Space => ({
  ...{ device: '1', used_percent, free_bytes, total_bytes: 1000 * GIB },
});

/** The levels that are told, one after another, as the disk fills and empties. */
function told(percents: readonly number[], rules = thresholds()): StorageLevel[] {
  let level: StorageLevel = 'normal';
  return percents.flatMap((percent) => {
    const next = levelOf(at(percent), level, rules);
    const crossed = next !== level;
    level = next;
    return crossed ? [next] : [];
  });
}

test('a threshold is crossed once, however often it is touched', () => {
  expect(told([10, 79.9, 80, 79.9, 80.1, 78, 77.1, 80])).toEqual(['high']);
  expect(told([85, 90, 89.9, 90, 88, 87, 86.9, 80, 76.9])).toEqual(['high', 'critical', 'high', 'normal']);
  expect(told([10, 99, 10])).toEqual(['critical', 'normal']);
});

test('little room is critical on any disk, until there is twice as much', () => {
  const rules = thresholds();
  expect(levelOf(at(50, rules.min_free_bytes - 1), 'normal', rules)).toBe('critical');
  expect(levelOf(at(50, rules.min_free_bytes + 1), 'critical', rules)).toBe('critical');
  expect(levelOf(at(50, rules.min_free_bytes * 2), 'critical', rules)).toBe('normal');
});

test('thresholds are configured, or the condition of the alert says when it is critical', () => {
  const alerts = { conditions: { storage_full: { severity: 'critical', threshold: '95% capacity' } } };
  expect(thresholds()).toMatchObject({ high_percent: 80, critical_percent: 90 });
  expect(thresholds({ alerts })).toMatchObject({ critical_percent: 95 });
  expect(thresholds({ alerts, storage: { thresholds: { critical_percent: 70 } } })).toMatchObject({
    ...{ high_percent: 70, critical_percent: 70 },
  });
});

test('a disk that sways by less than the margin is told of as getting fuller, and never as getting emptier', () => {
  const order = ['normal', 'high', 'critical'];
  const sways = fc.array(fc.double({ min: 0, max: 2.9, noNaN: true }), { maxLength: 50 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 97 }), sways, (base, more) => {
      const levels = told([base, ...more.map((sway) => base + sway)]).map((level) => order.indexOf(level));
      expect(levels).toEqual([...new Set(levels)].sort((one, other) => one - other));
    }),
  );
});
