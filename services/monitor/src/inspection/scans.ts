import { setImmediate as nextTurn } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { IntegrityScanReport, ScanProgress } from '@holdfast/contracts/http/scan';
import { newId } from '@holdfast/event-store/new-event';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import { isWithin } from '@holdfast/runtime/path-pattern';
import type { FileRegistry } from '../adapters/registry.ts';
import { stands } from '../domain/file-inventory/state.ts';
import { ScanFindings } from '../domain/scan/scan-findings.ts';
import type { Expectations } from './expectations.ts';
import type { Inspector } from './inspector.ts';
import type { Ledger } from './ledger.ts';
import type { Reconciler } from './reconciler.ts';

export interface ScansParts {
  readonly host: string;
  readonly clock: Clock;
  readonly registry: FileRegistry;
  readonly inspector: Inspector;
  readonly ledger: Ledger;
  readonly expectations: Expectations;
  readonly reconciler: Reconciler;
}

interface Scan {
  readonly progress: ScanProgress;
  readonly path: string | undefined;
  readonly done: Promise<IntegrityScanReport>;
}

interface Wanted {
  readonly path: string | undefined;
  readonly findings: ScanFindings;
}

const PAGE = 500;
const PAGE_BYTES = 256 * 1024 * 1024;
/** Reports that can be asked for after the end; a restart forgets them. */
const KEPT = 20;

/**
 * Compares every name, then reads every file that is known (all of them, or those at and below a path) and compares its
 * bytes. What it finds is told as events as well. One at a time; who asks for the same path meanwhile shares it.
 */
export class Scans {
  readonly #parts: ScansParts;
  readonly #scans = new Map<string, Scan>();
  #last: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(parts: ScansParts) {
    this.#parts = parts;
  }

  /** Resolves with the report when all is decided. */
  run(path?: string): Promise<IntegrityScanReport> {
    return this.#begin(path).done;
  }

  /** Begins and tells at once. A failure is told to whoever asks for its report. */
  begin(path?: string): ScanProgress {
    const scan = this.#begin(path);
    // Whoever polls finds it gone; the cause ends the service by another way.
    scan.done.catch(() => undefined);
    return scan.progress;
  }

  /** `not_found` for one that never was, or was before the last restart. */
  progressOf(scan_id: string): ScanProgress {
    const scan = this.#scans.get(scan_id);
    if (scan === undefined)
      throw new HoldfastError('not_found', `no scan ${scan_id}: the monitor may have started anew since`);
    return scan.progress;
  }

  stop(): void {
    this.#stopped = true;
  }

  #begin(path: string | undefined): Scan {
    const shared = [...this.#scans.values()].find(
      (scan) => scan.path === path && scan.progress.state === 'running',
    );
    if (shared !== undefined) return shared;
    const now_ms = this.#parts.clock.now_ms();
    const progress: ScanProgress = {
      scan_id: newId(now_ms),
      state: 'running',
      started_at: timestamp(now_ms),
      files_done: 0,
      files_total: 0,
      bytes_done: 0,
      bytes_total: 0,
      report: null,
    };
    const done = this.#last.then(() => this.#run(progress, { path, started_ms: now_ms }));
    this.#last = done.catch(() => this.#scans.delete(progress.scan_id));
    const scan = { progress, path, done };
    this.#scans.set(progress.scan_id, scan);
    const over = [...this.#scans].filter(
      ([
        ,
        {
          progress: { state },
        },
      ]) => state === 'done',
    );
    for (const [id] of over.slice(0, -KEPT)) this.#scans.delete(id);
    return scan;
  }

  async #run(progress: ScanProgress, { path, started_ms }: { path: string | undefined; started_ms: number }) {
    const { host, clock, registry, inspector, reconciler } = this.#parts;
    const findings = new ScanFindings();
    const deafen = this.#listen(findings, path);
    let ok = 0;
    try {
      await reconciler.walk('stat');
      await inspector.caughtUp();
      const { files, bytes } = await reconciler.extent(path);
      Object.assign(progress, { files_total: files, bytes_total: bytes });
      ok = await this.#verifyAll(progress, { path, findings });
    } finally {
      deafen();
    }
    await this.#addLosses(findings, path);
    const unmet = path === undefined ? await this.#parts.expectations.check() : [];
    const ended_ms = clock.now_ms();
    const report: IntegrityScanReport = {
      scan_id: progress.scan_id,
      host,
      path: path ?? null,
      started_at: progress.started_at,
      ended_at: timestamp(ended_ms),
      duration_ms: Math.round(ended_ms - started_ms),
      checked: progress.files_done,
      bytes_checked: progress.bytes_done,
      ok,
      unmet: unmet
        .filter(({ reasons }) => reasons.length > 0)
        .map(({ expected: { source, pattern }, reasons }) => ({ source, pattern, reasons: [...reasons] })),
      ...findings.conclude((file) => registry.get(file)),
    };
    Object.assign(progress, { state: 'done', report });
    return report;
  }

  /** What is found counts, however soon recovery puts it back. */
  #listen(findings: ScanFindings, prefix: string | undefined): () => void {
    const isWanted = ({ path }: { path: string }) => prefix === undefined || isWithin(path, prefix);
    const stops = [
      this.#parts.inspector.listen((judgement) => isWanted(judgement) && findings.judged(judgement)),
      this.#parts.ledger.listen((row) => isWanted(row) && findings.found(row)),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Resolves with the number of files that are as they should be. */
  async #verifyAll(progress: ScanProgress, { path: prefix, findings }: Wanted): Promise<number> {
    const { registry } = this.#parts;
    let after = '';
    let ok = 0;
    while (!this.#stopped) {
      const page = withinBytes(registry.list({ prefix }, after, PAGE));
      const last = page.at(-1);
      if (last === undefined) return ok;
      after = last.path;
      const files = page.filter(stands);
      await this.#verify(
        files.map(({ path }) => path),
        findings,
      );
      ok += files.filter(
        ({ path }) => registry.get(path)?.state === 'present' && !findings.remarks(path),
      ).length;
      progress.files_done += files.length;
      progress.bytes_done += files.reduce((sum, { facts }) => sum + facts.size, 0);
    }
    throw new HoldfastError('interrupted', 'the monitor stops');
  }

  async #verify(paths: readonly string[], findings: ScanFindings) {
    const { registry, inspector } = this.#parts;
    const open = new Set(paths);
    const deafen = inspector.listen(({ path }) => open.delete(path));
    for (const path of paths) inspector.verify(path);
    await inspector.caughtUp();
    deafen();
    // Somebody writes to it, or git is at work, and does not come to an end.
    for (const path of open) if (stands(registry.get(path))) findings.judged({ path, code: 'EBUSY' });
  }

  async #addLosses(findings: ScanFindings, prefix: string | undefined) {
    for (const state of ['missing', 'corrupted'] as const) {
      let after = '';
      for (;;) {
        const page = this.#parts.registry.list({ prefix, state }, after, PAGE);
        for (const row of page) findings.lost(row);
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.path;
        await nextTurn();
      }
    }
  }
}

/** At least one, and no more than can be read in some seconds: so that it is seen to go on. */
function withinBytes<Row extends { facts: { size: number } }>(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex(({ facts }) => {
    bytes += facts.size;
    return bytes > PAGE_BYTES;
  });
  return end < 0 ? rows : rows.slice(0, Math.max(1, end));
}
