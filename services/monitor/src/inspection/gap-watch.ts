import { newId } from '@holdfast/event-store/new-event';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';
import type { GapReason } from '../adapters/watcher.ts';
import type { Ledger } from './ledger.ts';

const TICK_MS = 500;
/** A timer that is so late: the process was stopped, or the loop stood still. */
const LATE_MS = 3_000;
const JUMP_MS = 60_000;
/** What cannot be watched stays so, and each attempt says it again: told once in this time, the walks see to the rest. */
const LASTING: ReadonlySet<GapReason> = new Set(['enospc', 'emfile', 'watcher_error']);
const TELL_AGAIN_MS = 3_600_000;

export interface GapWatchParts {
  readonly host: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  readonly roots: () => readonly string[];
  /** Makes good for what was missed; watches anew where that can help. */
  reconcile(reason: GapReason): Promise<void>;
  fail(error: unknown): void;
}

/** Notices that events may have been lost, tells it, and has everything compared. */
export class GapWatch {
  readonly #parts: GapWatchParts;
  readonly #timer: NodeJS.Timeout;
  #open = false;
  #again = false;
  #stopped = false;
  readonly #told = new Map<GapReason, number>();
  count = 0;

  constructor(parts: GapWatchParts) {
    this.#parts = parts;
    let last = { steady_ms: performance.now(), wall_ms: Date.now() };
    this.#timer = setInterval(() => {
      const now = { steady_ms: performance.now(), wall_ms: Date.now() };
      const passed_ms = now.steady_ms - last.steady_ms;
      const jumped_ms = Math.abs(now.wall_ms - last.wall_ms - passed_ms);
      last = now;
      if (passed_ms > TICK_MS + LATE_MS)
        this.report('late_timer', `a timer was ${Math.round(passed_ms)} ms late`);
      else if (jumped_ms > JUMP_MS)
        this.report('clock_jump', `the clock jumped by ${Math.round(jumped_ms)} ms`);
    }, TICK_MS);
  }

  /** Several reasons within one reconciliation are one gap. */
  report(reason: GapReason, detail: string): void {
    if (this.#stopped || this.#isKnown(reason)) return;
    if (this.#open) {
      this.#again = true;
      return;
    }
    this.#open = true;
    this.count += 1;
    this.#close(reason, detail).catch(this.#parts.fail);
  }

  #isKnown(reason: GapReason): boolean {
    if (!LASTING.has(reason)) return false;
    const now_ms = this.#parts.clock.now_ms();
    const told_ms = this.#told.get(reason);
    if (told_ms !== undefined && now_ms - told_ms < TELL_AGAIN_MS) return true;
    this.#told.set(reason, now_ms);
    return false;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped = true;
  }

  async #close(reason: GapReason, detail: string) {
    const { clock, ledger, log, roots, host } = this.#parts;
    const started_ms = clock.now_ms();
    const started_at = timestamp(started_ms);
    const correlationid = newId(started_ms);
    log.warn({ reason, detail }, 'events may have been lost; comparing everything');
    const tell = (reconciled_at?: string) => {
      for (const root of roots()) {
        const data = {
          host,
          root,
          reason,
          started_at,
          ...(reconciled_at !== undefined && { reconciled_at }),
        };
        ledger.tell('WatchGapDetected', root, { data, correlationid });
      }
    };
    tell();
    do {
      this.#again = false;
      await this.#parts.reconcile(reason);
    } while (this.#again && !this.#stopped);
    if (this.#stopped) return;
    tell(timestamp(clock.now_ms()));
    this.#open = false;
  }
}
