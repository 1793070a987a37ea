import type { Clock } from '@holdfast/runtime/clock';
import type { Logger } from '@holdfast/runtime/logger';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Extent } from '../adapters/registry-extent.ts';
import type { Territory } from '../adapters/territory.ts';
import type { WalkOrder, WalkSummary } from '../adapters/walk.ts';
import type { InspectionWorker } from '../adapters/worker-client.ts';
import type { Inspector } from './inspector.ts';
import type { RootGuard } from './root-guard.ts';

export interface LastWalk extends WalkSummary {
  readonly depth: WalkOrder['depth'];
  readonly ended_at_ms: number;
  readonly duration_ms: number;
}

export interface ReconcilerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly territory: Territory;
  readonly registry: FileRegistry;
  readonly roots: RootGuard;
  readonly walker: InspectionWorker;
  /** File of the registry: the walker reads it beside us. */
  readonly database: string;
  readonly check_interval_ms: number;
  readonly deep_check_interval_ms: number;
  inspector(): Inspector;
  fail(error: unknown): void;
}

/** Compares disk and registry: at the start, on a schedule, and whenever events may have been lost. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  #running: Promise<unknown> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #stopped = false;
  #deep_due_ms = 0;
  last: LastWalk | undefined;
  /** A walk of the roots is under way. */
  walking = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Walks all roots that stand; one walk at a time. Resolves when all differences were handed on. */
  async walk(depth: WalkOrder['depth']): Promise<LastWalk | undefined> {
    const after = this.#running.then(() => (this.#stopped ? undefined : this.#walk(depth)));
    this.#running = after.catch(() => undefined);
    return after;
  }

  /** Reads folders that just came into being. */
  async explore(folders: readonly string[]): Promise<void> {
    const { walker, database } = this.#parts;
    if (this.#stopped) return;
    await walker.ask('walk', { database, folders, depth: 'stat' }, (part) =>
      this.#parts.inspector().suspect(part),
    );
  }

  /** Files that stand as far as the registry knows, at and below a path or everywhere, and their bytes. */
  extent(prefix?: string): Promise<Extent> {
    const { walker, database } = this.#parts;
    return walker.ask('extent', { database, prefix });
  }

  /** Walks for the first time; afterwards every source counts as registered. */
  async begin(): Promise<void> {
    const { territory, registry, roots } = this.#parts;
    await this.walk('stat');
    await this.#parts.inspector().caughtUp();
    if (this.#stopped) return;
    for (const source of territory.sources) {
      const complete = source.roots.every((root) => !roots.isAway(root));
      if (complete) registry.markRegistered(source.name);
    }
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #walk(depth: WalkOrder['depth']): Promise<LastWalk> {
    const { clock, log, roots, walker, database } = this.#parts;
    const started_ms = clock.now_ms();
    roots.check();
    const order = { database, folders: roots.standing(), depth };
    this.walking = true;
    const summary = await walker
      .ask('walk', order, (part) => this.#parts.inspector().suspect(part))
      .finally(() => {
        this.walking = false;
      });
    const ended_at_ms = clock.now_ms();
    if (depth === 'stat') this.#deep_due_ms = ended_at_ms + this.#parts.deep_check_interval_ms;
    const walked = { ...summary, depth, ended_at_ms, duration_ms: ended_at_ms - started_ms };
    this.last = walked;
    const { unreadable, ...numbers } = walked;
    log.debug(numbers, 'walked');
    for (const { path, code } of unreadable) log.warn({ path, code }, 'a protected folder cannot be read');
    return walked;
  }

  #schedule() {
    if (this.#stopped) return;
    const { clock, check_interval_ms, fail } = this.#parts;
    this.#cancel = clock.after(check_interval_ms, () => {
      const deep = clock.now_ms() + check_interval_ms / 2 >= this.#deep_due_ms;
      this.walk(deep ? 'stat' : 'names')
        .then(() => this.#schedule())
        .catch(fail);
    });
  }
}
