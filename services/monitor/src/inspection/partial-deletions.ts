import { type Clock, timestamp } from '@holdfast/runtime/clock';
import type { Territory } from '../adapters/territory.ts';
import type { InspectionWorker } from '../adapters/worker-client.ts';
import type { FileRow } from '../domain/file-inventory/state.ts';
import {
  addLoss,
  depletedFolders,
  FILES_MIN,
  suspectFolders,
  type Toll,
} from '../domain/partial-deletion/partial-deletion.ts';
import type { Ledger } from './ledger.ts';

export interface PartialDeletionsParts {
  readonly host: string;
  readonly clock: Clock;
  readonly territory: Territory;
  readonly ledger: Ledger;
  readonly walker: InspectionWorker;
  readonly database: string;
  fail(error: unknown): void;
}

/** So long nothing was lost any more: the incident is over. */
const QUIET_MS = 1_500;
/** One that goes on is told of all the same. */
const TELL_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 500;

/** Adds up what one incident took, and tells which folders lost most of their files: one event, however many files. */
export class PartialDeletions {
  readonly #parts: PartialDeletionsParts;
  readonly #tolls = new Map<string, Toll>();
  /** Incidents that go on and were told of. */
  readonly #told = new Set<string>();
  readonly #deafen: () => void;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(parts: PartialDeletionsParts) {
    this.#parts = parts;
    this.#deafen = parts.ledger.listen((row) => this.#note(row));
  }

  stop(): void {
    this.#stopped = true;
    this.#deafen();
    this.#cancel?.();
  }

  #note(row: FileRow) {
    if (row.state !== 'missing') return;
    const { path, source, facts, loss } = row;
    const { territory, clock } = this.#parts;
    const lost = {
      path,
      source,
      size: facts.size,
      root: territory.rootOf(path) ?? '/',
      now_ms: clock.now_ms(),
    };
    this.#tolls.set(loss.correlationid, addLoss(this.#tolls.get(loss.correlationid), lost));
    this.#cancel ??= clock.after(LOOK_EVERY_MS, () => {
      this.#look().catch((error) => this.#stopped || this.#parts.fail(error));
    });
  }

  async #look() {
    const now_ms = this.#parts.clock.now_ms();
    for (const [incident, toll] of [...this.#tolls]) {
      const isOver = now_ms - toll.last_ms >= QUIET_MS;
      if (isOver) this.#tolls.delete(incident);
      const isLong = now_ms - toll.first_ms >= TELL_AFTER_MS && !this.#told.has(incident);
      if ((isOver || isLong) && toll.files >= FILES_MIN) await this.#tell(incident, toll, isOver);
      if (isOver) this.#told.delete(incident);
    }
    if (this.#stopped) return;
    this.#cancel = undefined;
    if (this.#tolls.size === 0) return;
    this.#cancel = this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.#look().catch((error) => this.#stopped || this.#parts.fail(error));
    });
  }

  async #tell(incident: string, toll: Toll, isOver: boolean) {
    const { host, walker, database, ledger } = this.#parts;
    const folders = suspectFolders(toll);
    const counts = await walker.ask('known', { database, folders });
    const known = folders.map((folder, index) => ({ folder, files_known: counts[index] ?? 0 }));
    const depleted = depletedFolders(toll, known);
    if (depleted.length === 0 || this.#stopped) return;
    if (!isOver) this.#told.add(incident);
    const { source, files, bytes, first_ms, last_ms } = toll;
    const data = {
      ...{ host, source, files_lost: files, bytes_lost: bytes, folders: depleted },
      started_at: timestamp(first_ms),
      ...(isOver && { ended_at: timestamp(last_ms) }),
    };
    ledger.tell('PartialDeletionDetected', incident, { data, correlationid: incident });
  }
}
