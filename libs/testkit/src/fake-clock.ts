import type { Clock } from '@holdfast/runtime/clock';

/** A clock that stands until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves the time on, calling in order what falls due on the way; calls that they add count too. */
  advance(by_ms: number): void;
  /** Calls that wait. */
  waiting(): number;
}

/** A clock that stands still until it is told to move. */
export function fakeClock(start_ms = Date.parse('2026-01-01T00:00:00.000Z')): FakeClock {
  let now = start_ms;
  let timers: { due_ms: number; call: () => void }[] = [];
  const nextUntil = (end_ms: number) =>
    timers.filter((timer) => timer.due_ms <= end_ms).sort((one, other) => one.due_ms - other.due_ms)[0];
  return {
    now_ms: () => now,
    after(delay_ms, call) {
      const timer = { due_ms: now + delay_ms, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(by_ms) {
      const end = now + by_ms;
      for (let timer = nextUntil(end); timer !== undefined; timer = nextUntil(end)) {
        const due = timer;
        timers = timers.filter((other) => other !== due);
        now = Math.max(now, due.due_ms);
        due.call();
      }
      now = end;
    },
    waiting: () => timers.length,
  };
}
