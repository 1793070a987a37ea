import type { MonitorStatus } from '@holdfast/contracts/http/monitor';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';
import type { FileRegistry } from '../adapters/registry.ts';
import type { ScrubProgress } from '../adapters/scrub-progress.ts';
import type { InspectionWorker } from '../adapters/worker-client.ts';
import { sameStat } from '../domain/file-inventory/decide.ts';
import { stands } from '../domain/file-inventory/state.ts';
import {
  newRound,
  nextRoundAt,
  paceOf,
  type ScrubRound,
  type ScrubSettings,
  within,
} from '../domain/scrub/scrub-round.ts';
import type { Inspector } from './inspector.ts';
import type { Reconciler } from './reconciler.ts';

export interface ScrubberParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: ScrubSettings;
  readonly progress: ScrubProgress;
  readonly registry: FileRegistry;
  readonly inspector: Inspector;
  readonly reconciler: Reconciler;
  /** A thread of its own: it sleeps to keep the pace. */
  openReader(): InspectionWorker;
  fail(error: unknown): void;
}

/** How far it is is written down so often: what a restart reads again. */
const STEP_SECONDS = 3;
const STEP_FILES = 500;
/** What happens to files goes before. */
const BUSY = 100;
const BUSY_AGAIN_MS = 1_000;
const REST_MS = 10;
/** What there is to read changes slowly. */
const MEASURE_EVERY_MS = 600_000;
/** Timers hold no longer time; and a clock that jumps is noticed. */
const LOOK_AGAIN_MAX_MS = 3_600_000;

/** Reads everything once a period, at a pace that is not felt, so that bytes that changed by themselves are found. */
export class Scrubber {
  readonly #parts: ScrubberParts;
  #reader: InspectionWorker | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #bytes_total = 0;
  #measured_ms = 0;

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
  }

  /** Goes on where it was. */
  begin(): void {
    if (this.#parts.settings.enabled) this.#after(0);
  }

  status(): MonitorStatus['scrub'] {
    const { settings, progress, clock } = this.#parts;
    const round = progress.load();
    const bytes = this.#bytes_total;
    if (round === undefined || !settings.enabled) {
      const none = { started_at: null, completed_at: null, files_done: 0, bytes_done: 0, next_at: null };
      return { state: settings.enabled ? 'waiting' : 'off', ...none, bytes_total: bytes };
    }
    const isOver = round.completed_ms !== null;
    const completed_ms = round.completed_ms ?? round.last_completed_ms;
    return {
      state: isOver ? 'waiting' : 'reading',
      started_at: timestamp(round.started_ms),
      completed_at: completed_ms === null ? null : timestamp(completed_ms),
      files_done: round.files,
      bytes_done: round.bytes,
      bytes_total: bytes,
      next_at: isOver ? timestamp(nextRoundAt(round, settings, clock.now_ms())) : null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#reader?.[Symbol.asyncDispose]();
  }

  #after(wait_ms: number) {
    if (this.#stopped) return;
    this.#cancel = this.#parts.clock.after(wait_ms, () => {
      this.#step().then(
        (next_ms) => this.#after(next_ms),
        (error) => this.#stopped || this.#parts.fail(error),
      );
    });
  }

  /** Resolves with the time until the next step. */
  async #step(): Promise<number> {
    const { clock, settings, progress, inspector, reconciler, registry } = this.#parts;
    const now_ms = clock.now_ms();
    const known = progress.load();
    if (known !== undefined && known.completed_ms !== null) {
      const wait_ms = nextRoundAt(known, settings, now_ms) - now_ms;
      if (wait_ms > 0) return this.#rest(wait_ms);
    }
    if (inspector.pending > BUSY || reconciler.walking) return BUSY_AGAIN_MS;
    const round =
      known === undefined || known.completed_ms !== null
        ? newRound(now_ms, known?.completed_ms ?? null)
        : known;
    await this.#measure(now_ms);
    const pace = paceOf(this.#bytes_total, settings);
    const rows = registry.list({}, round.cursor, STEP_FILES);
    const files = within(
      rows.map((row) => ({ path: row.path, size: stands(row) ? row.facts.size : 0, reads: stands(row) })),
      pace * STEP_SECONDS,
    );
    const last = files.at(-1);
    if (last === undefined) return this.#complete(round);
    const read = files.filter(({ reads }) => reads);
    await this.#compare(
      read.map(({ path }) => path),
      pace,
    );
    if (this.#stopped) return 0;
    const bytes = read.reduce((sum, { size }) => sum + size, round.bytes);
    progress.save({ ...round, cursor: last.path, files: round.files + read.length, bytes });
    return REST_MS;
  }

  async #measure(now_ms: number) {
    if (Math.abs(now_ms - this.#measured_ms) < MEASURE_EVERY_MS) return;
    this.#bytes_total = (await this.#parts.reconciler.extent()).bytes;
    this.#measured_ms = now_ms;
  }

  /** What differs is read once more by those who judge, and told by them. */
  async #compare(paths: readonly string[], bytes_per_second: number) {
    if (paths.length === 0) return;
    const { openReader, registry, inspector } = this.#parts;
    this.#reader ??= openReader();
    const outcomes = await this.#reader.ask('hash', { paths, bytes_per_second });
    if (this.#stopped) return;
    for (const { path, checksum, stat } of outcomes) {
      const row = registry.get(path);
      const isUnchanged = stat !== undefined && stands(row) && sameStat(row.facts, stat);
      if (isUnchanged && row.facts.checksum === checksum) continue;
      // It changed since it was listed, or nobody noticed that it did: either way it has to be looked at.
      inspector.verify(path);
    }
    await inspector.caughtUp();
  }

  #complete(round: ScrubRound): number {
    const { clock, progress, log, settings } = this.#parts;
    const completed_ms = clock.now_ms();
    progress.save({ ...round, completed_ms, last_completed_ms: completed_ms });
    const { files, bytes } = round;
    log.info({ files, bytes, took_ms: completed_ms - round.started_ms }, 'every file was read again');
    return this.#rest(nextRoundAt(round, settings, completed_ms) - completed_ms);
  }

  #rest(wait_ms: number): number {
    return Math.min(LOOK_AGAIN_MAX_MS, Math.max(REST_MS, wait_ms));
  }
}
