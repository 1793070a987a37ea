import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LossObserved, Observation, OutcomeObserved } from '../rule/observation.ts';
import { recordLoss, recordOutcome } from './decide.ts';
import { summaryOf } from './message.ts';
import type { LossAlert, LostFile, Told } from './state.ts';
import { dueAt, FIXED_WAITS, MESSAGES_MAX, tick, type Waits } from './timing.ts';

const WAITS: Waits = { ...FIXED_WAITS, group_wait_ms: 10_000, group_interval_ms: 300_000 };
const DAY_MS = 86_400_000;

type Step = (LossObserved | OutcomeObserved) & { at_ms: number };
interface Run {
  alert: LossAlert | null;
  files: Map<string, LostFile>;
  resolutions: number;
  now_ms: number;
}

const loss = (at_ms: number, path: string, more: Partial<LossObserved> = {}): Step => ({
  type: 'loss',
  incident: 'I1',
  host: 'web1',
  source: 'conversations',
  path,
  loss: 'deleted',
  severity: 'critical',
  heals: true,
  at_ms,
  ...more,
});
const outcome = (at_ms: number, path: string, more: Partial<OutcomeObserved> = {}): Step => ({
  type: 'outcome',
  incident: 'I1',
  host: 'web1',
  source: 'conversations',
  path,
  outcome: 'recovered',
  exact: true,
  duration_ms: 18,
  reason: '',
  steps: [],
  at_ms,
  ...more,
});

/** Lets all ticks that fall due until then happen at their moment. */
function passTime(run: Run, until_ms: number): void {
  for (let turn = 0; turn < 1000 && run.alert !== null; turn += 1) {
    const due = dueAt(run.alert, WAITS);
    if (due === null || due > until_ms) return;
    run.now_ms = Math.max(run.now_ms, due);
    const ticked = tick(run.alert, WAITS, run.now_ms, 0);
    run.alert = ticked.alert;
    run.resolutions += ticked.resolved ? 1 : 0;
  }
  if (run.alert !== null) throw new Error('a tick that is due for ever');
}

function take(run: Run, step: Step): void {
  run.now_ms = step.at_ms;
  const now = { event_id: `E${step.at_ms}`, correlation_id: 'I1', now_ms: step.at_ms };
  const file = run.files.get(step.path) ?? null;
  if (step.type === 'loss') {
    const next = recordLoss(run.alert, file, step, now);
    run.alert = next.alert;
    run.files.set(step.path, next.file);
  } else if (file !== null && run.alert !== null) {
    const next = recordOutcome(run.alert, file, step, now);
    run.alert = next.alert;
    if (next.file === null) run.files.delete(step.path);
    else run.files.set(step.path, next.file);
  }
}

function play(steps: readonly Step[], until_ms = DAY_MS): Run & { told: readonly Told[] } {
  const run: Run = { alert: null, files: new Map(), resolutions: 0, now_ms: 0 };
  for (const step of steps) {
    passTime(run, step.at_ms - 1);
    take(run, step);
  }
  passTime(run, until_ms);
  return { ...run, told: run.alert?.told ?? [] };
}

const counts = (deleted: number, recovered: number, failed = 0) => ({
  deleted,
  corrupted: 0,
  recovered,
  failed,
  superseded: 0,
});

describe('a critical incident', () => {
  test('given a loss that is recovered at once, then one message tells both', () => {
    const { told, resolutions, alert } = play([loss(0, '/a'), outcome(18, '/a')]);

    expect(told).toEqual([{ kind: 'resolved', at_ms: 118, figures: counts(1, 1) }]);
    expect(resolutions).toBe(1);
    expect(alert && summaryOf(alert)).toBe(
      '1 file deleted and recovered in 18 ms: a (conversations on web1)',
    );
  });

  test('given an outcome that takes long, then it is told after 1 s, and its end when it comes', () => {
    const { told } = play([loss(0, '/a'), outcome(5000, '/a')]);

    expect(told).toEqual([
      { kind: 'firing', at_ms: 1000, figures: counts(1, 0) },
      { kind: 'resolved', at_ms: 5100, figures: counts(1, 1) },
    ]);
  });

  test('given a recovery that ends at the very last moment, then one message still tells both', () => {
    const { told } = play([loss(0, '/a'), outcome(980, '/a')]);

    expect(told).toEqual([{ kind: 'resolved', at_ms: 1000, figures: counts(1, 1) }]);
  });

  test('given a burst that goes on for 5 s, then two messages, and the last has all of it', () => {
    const steps = Array.from({ length: 50 }, (_, n) => [
      loss(n * 100, `/f${n}`),
      outcome(n * 100 + 50, `/f${n}`),
    ]);
    const { told } = play(steps.flat());

    expect(told.map(({ kind }) => kind)).toEqual(['firing', 'resolved']);
    expect(told.at(-1)?.figures).toEqual(counts(50, 50));
  });

  test('given a failure after the first message, then it is told promptly, and the mending too', () => {
    const failed = outcome(3000, '/a', { outcome: 'failed', reason: 'no good version' });
    const { told, alert } = play([loss(0, '/a'), failed, outcome(60_000, '/a')]);

    expect(told.map(({ kind, at_ms }) => [kind, at_ms])).toEqual([
      ['firing', 1000],
      ['digest', 3100],
      ['resolved', 60_100],
    ]);
    expect(alert?.failures).toEqual([]);
  });

  test('given a withdrawn loss, then it is over', () => {
    const { told, alert } = play([loss(0, '/a'), outcome(40, '/a', { outcome: 'superseded' })]);

    expect(alert?.status).toBe('resolved');
    expect(told).toHaveLength(1);
    expect(alert && summaryOf(alert)).toContain('1 file deleted, back or no longer wanted: a');
  });

  test('given a source that is only told about, then nothing promises a recovery', () => {
    const { alert } = play([loss(0, '/a', { heals: false })], 2000);

    expect(alert && summaryOf(alert)).toBe('1 file deleted: a (conversations on web1)');
  });
});

describe('an incident that is not critical', () => {
  test('given a loss, then it waits for its group', () => {
    const { told } = play([loss(0, '/a', { severity: 'high' }), outcome(18, '/a')]);

    expect(told.map(({ kind, at_ms }) => [kind, at_ms])).toEqual([['resolved', 10_000]]);
  });

  test('given that it grows while it stays open, then a digest after the interval', () => {
    const high = { severity: 'high' } as const;
    const { told } = play([loss(0, '/a', high), loss(20_000, '/b', high)]);

    expect(told).toEqual([
      { kind: 'firing', at_ms: 10_000, figures: counts(1, 0) },
      { kind: 'digest', at_ms: 310_000, figures: counts(2, 0) },
    ]);
  });
});

describe('any incident', () => {
  const gap_ms = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 400_000 }));
  const what = fc.constantFrom('deleted', 'corrupted', 'recovered', 'failed', 'superseded');
  const moves = fc.array(fc.record({ gap_ms, what, file: fc.integer({ min: 0, max: 6 }) }), {
    maxLength: 60,
  });
  const severity = fc.constantFrom('critical' as const, 'medium' as const);

  function stepsOf(
    list: { gap_ms: number; what: string; file: number }[],
    bad: 'critical' | 'medium',
  ): Step[] {
    let at_ms = 0;
    return list.map((move) => {
      at_ms += move.gap_ms;
      const path = `/f${move.file}`;
      if (move.what === 'deleted' || move.what === 'corrupted')
        return loss(at_ms, path, { loss: move.what, severity: bad });
      return outcome(at_ms, path, { outcome: move.what as OutcomeObserved['outcome'] });
    });
  }

  /** The counts, told anew in the dullest way. */
  function expected(steps: readonly Observation[]) {
    const files = new Map<string, { open: number; failed: number }>();
    const sum = counts(0, 0);
    for (const step of steps) {
      if (step.type !== 'loss' && step.type !== 'outcome') continue;
      const file = files.getOrInsertComputed(step.path, () => ({ open: 0, failed: 0 }));
      if (step.type === 'loss') {
        sum[step.loss] += 1;
        file.open += 1;
      } else if (step.outcome === 'failed') {
        sum.failed += file.open;
        file.failed += file.open;
        file.open = 0;
      } else {
        sum[step.outcome] += file.open + file.failed;
        sum.failed -= file.failed;
        file.open = 0;
        file.failed = 0;
      }
    }
    return { sum, left: [...files.values()].some(({ open, failed }) => open + failed > 0) };
  }

  function checkTold(steps: readonly Step[], told: readonly Told[]): void {
    expect(told.length).toBeLessThanOrEqual(MESSAGES_MAX);
    for (const { at_ms, figures } of told)
      expect(figures).toEqual(expected(steps.filter((step) => step.at_ms <= at_ms)).sum);
  }

  test('is told, in three messages at most, with exact counts', () => {
    fc.assert(
      fc.property(moves, severity, (list, bad) => {
        const steps = stepsOf(list, bad);
        const { told, alert } = play(steps, 10 * DAY_MS);
        const first = steps.find(({ type }) => type === 'loss')?.at_ms;
        if (first === undefined) return alert === null;
        const { sum, left } = expected(steps);

        checkTold(steps, told);
        expect(told[0]?.at_ms).toBeLessThanOrEqual(first + (bad === 'critical' ? 1000 : 10_000));
        expect(alert?.status).toBe(left ? 'firing' : 'resolved');
        if (!left && told.length < MESSAGES_MAX) expect(told.at(-1)?.figures).toEqual(sum);
        return true;
      }),
      { numRuns: 300 },
    );
  });
});
