import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextVerification, type Verifiable } from './decide.ts';

const NOW = Date.parse('2026-07-15T12:00:00.000Z');
const MINUTE = 60_000;
const DAY = 86_400_000;
const policy = { after_ms: MINUTE, restore_every_ms: DAY };

const backup = (backup_id: string, fields: Partial<Verifiable> = {}): Verifiable => ({
  backup_id,
  source: 'bmc',
  time_ms: NOW - 10 * MINUTE,
  read_ms: NOW - 5 * MINUTE,
  restored_ms: null,
  is_bad: false,
  ...fields,
});
const next = (...backups: Verifiable[]) => nextVerification(backups, policy, NOW);

describe('what is verified next', () => {
  test('the newest that nobody has read, once it has stood a minute', () => {
    const fresh = backup('fresh', { time_ms: NOW - 1, read_ms: null });
    const newer = backup('newer', { time_ms: NOW - MINUTE, read_ms: null });
    const older = backup('older', { time_ms: NOW - DAY, read_ms: null });
    expect(next(fresh, older, newer)).toEqual({ backup_id: 'newer', level: 'data' });
    expect(next(fresh)).toBeNull();
  });

  test('a damaged one again, a day later, until it is well; it is no sample', () => {
    const bad = backup('bad', { is_bad: true });
    expect(next(bad)).toBeNull();
    expect(next({ ...bad, read_ms: NOW - DAY })).toEqual({ backup_id: 'bad', level: 'data' });
    const restored = { ...bad, read_ms: NOW - DAY, restored_ms: NOW - DAY };
    expect(next(restored)).toEqual({ backup_id: 'bad', level: 'restore' });
  });

  test('one restore a day, of the source whose last is longest ago', () => {
    const bmc = backup('bmc', { restored_ms: NOW - DAY });
    const logs = backup('logs', { source: 'logs', restored_ms: NOW - 2 * DAY });
    const never = backup('never', { source: 'env' });
    expect(next(bmc, logs)).toEqual({ backup_id: 'logs', level: 'restore' });
    expect(next(bmc, logs, never)).toEqual({ backup_id: 'never', level: 'restore' });
    expect(next({ ...bmc, restored_ms: NOW - DAY + 1 }, logs, never)).toBeNull();
  });

  test('a clock that was set back holds nothing up', () => {
    expect(next(backup('a', { time_ms: NOW + DAY, read_ms: null }))?.level).toBe('data');
    expect(next(backup('a', { restored_ms: NOW + DAY }))?.level).toBe('restore');
  });
});

test('property: whoever does what comes next reads every backup, and restores each source, the newest and old ones', () => {
  const history = fc.array(
    fc.record({
      source: fc.constantFrom('bmc', 'logs', 'env'),
      age_ms: fc.integer({ min: 0, max: 30 * DAY }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(history, (made) => {
      let backups = made.map(({ source, age_ms }, index) =>
        backup(`b${index}`, { source, time_ms: NOW - age_ms, read_ms: null }),
      );
      // Each backup read, and three turns for each: so many days at most.
      for (let now_ms = NOW + MINUTE; now_ms < NOW + 3 * (made.length + 1) * DAY; now_ms += DAY) {
        let found = nextVerification(backups, policy, now_ms);
        let done = 0;
        for (; found !== null; found = nextVerification(backups, policy, now_ms)) {
          const { backup_id, level } = found;
          backups = backups.map((one) => {
            if (one.backup_id !== backup_id) return one;
            return { ...one, read_ms: now_ms, restored_ms: level === 'restore' ? now_ms : one.restored_ms };
          });
          done += 1;
          expect(done).toBeLessThanOrEqual(made.length + 1);
        }
      }
      expect(backups.filter(({ read_ms }) => read_ms === null)).toEqual([]);
      expect(backups.filter(({ restored_ms }) => restored_ms === null)).toEqual([]);
    }),
  );
});
