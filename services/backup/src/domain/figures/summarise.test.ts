import { describe, expect, test } from '@jest/globals';
import { type MadeFigures, rateOf, riskOf, typesOf } from './summarise.ts';

const NOW = Date.parse('2026-07-15T12:00:00.000Z');
const MINUTE = 60_000;

test('a rate is a part of what there was', () => {
  expect([rateOf(3, 1), rateOf(0, 2), rateOf(2, 0), rateOf(0, 0)]).toEqual([0.75, 0, 1, null]);
});

test('figures of a type are those of all its sources; what was not measured counts for no mean', () => {
  const part = (fields: Partial<MadeFigures>): MadeFigures => ({
    ...{ source: 'bmc', backup_type: 'full', created: 1, measured: 1 },
    ...{ duration_ms: 0, duration_max_ms: 0, bytes_read: 0, bytes_stored: 0 },
    ...fields,
  });
  const made = [
    part({ created: 3, measured: 2, duration_ms: 300, duration_max_ms: 200, bytes_read: 10 }),
    part({ source: 'logs', duration_ms: 600, duration_max_ms: 600, bytes_stored: 5 }),
    part({ backup_type: 'differential', measured: 0 }),
  ];
  expect(typesOf(made)).toEqual([
    {
      ...{ backup_type: 'differential', created: 1, duration_mean_ms: 0, duration_max_ms: 0 },
      ...{ bytes_read: 0, bytes_stored: 0 },
    },
    {
      ...{ backup_type: 'full', created: 4, duration_mean_ms: 300, duration_max_ms: 600 },
      ...{ bytes_read: 10, bytes_stored: 5 },
    },
  ]);
});

describe('what is at risk', () => {
  const walked = { on_change: false, walked_ms: NOW - 30 * MINUTE, changed_ms: NOW - 5 * MINUTE };
  const seen = (exposure: Parameters<typeof riskOf>[0], rpo_ms: number | null) => {
    const { at_risk_seconds, rpo_met } = riskOf(exposure, rpo_ms, NOW);
    return [at_risk_seconds, rpo_met];
  };

  test('all since it was last looked at; where changes go in at once, what waits', () => {
    expect(seen(walked, 60 * MINUTE)).toEqual([1800, true]);
    expect(seen(walked, 10 * MINUTE)).toEqual([1800, false]);
    expect(seen({ ...walked, on_change: true }, 10 * MINUTE)).toEqual([300, true]);
    expect(seen({ ...walked, on_change: true, changed_ms: null }, 0)).toEqual([0, true]);
  });

  test('an RPO of nothing is a second', () => {
    expect(seen({ ...walked, on_change: true, changed_ms: NOW - 1000 }, 0)).toEqual([1, true]);
    expect(seen({ ...walked, on_change: true, changed_ms: NOW - 1001 }, 0)).toEqual([1.001, false]);
  });

  test('without a backup everything, without an RPO nobody says how much may be', () => {
    expect(seen({ ...walked, on_change: true, walked_ms: null }, 0)).toEqual([null, false]);
    expect(seen(walked, null)).toEqual([1800, null]);
  });

  test('a clock that was set back makes nothing negative', () => {
    expect(seen({ ...walked, walked_ms: NOW + MINUTE }, 0)).toEqual([0, true]);
  });
});
