import type { Clock } from '@holdfast/runtime/clock';

const SLEEP_MAX_MS = 3_600_000;

/** Calls when the time has come; setting it anew replaces what was set. */
export interface Alarm extends Disposable {
  /** Null: never. A time that is past calls as soon as can be. */
  set(at_ms: number | null): void;
}

/** `call` should set the alarm again where there is more to come. */
export function createAlarm(clock: Clock, call: () => void): Alarm {
  let cancel: (() => void) | undefined;
  const set = (at_ms: number | null) => {
    cancel?.();
    cancel = undefined;
    if (at_ms === null) return;
    const wait_ms = Math.max(0, at_ms - clock.now_ms());
    // Timers of more than 24 days would fire at once; and a clock that was set is noticed within the hour.
    if (wait_ms > SLEEP_MAX_MS) cancel = clock.after(SLEEP_MAX_MS, () => set(at_ms));
    else cancel = clock.after(wait_ms, call);
  };
  return { set, [Symbol.dispose]: () => set(null) };
}
