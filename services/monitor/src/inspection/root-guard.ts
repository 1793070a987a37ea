import { readdirSync, statSync } from 'node:fs';
import type { EventData } from '@holdfast/contracts/catalog';
import { systemCode } from '@holdfast/contracts/errors';
import { newId } from '@holdfast/event-store/new-event';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Territory } from '../adapters/territory.ts';
import type { Ledger } from './ledger.ts';

type LostReason = EventData<'WatchRootLost'>['reason'];

interface Lost {
  readonly reason: LostReason;
  readonly since_ms: number;
  readonly correlationid: string;
}

/** While a root is away it is looked for so often. */
const LOOK_EVERY_MS = 1000;

export interface RootGuardParts {
  readonly host: string;
  readonly clock: Clock;
  readonly territory: Territory;
  readonly registry: FileRegistry;
  readonly ledger: Ledger;
  /** A root that was away stands again: what it holds has to be compared. */
  onReturn(folder: string): void;
}

/** Knows which roots stand. A root that is gone or not mounted is told as such, and nothing below it is a loss. */
export class RootGuard {
  readonly #parts: RootGuardParts;
  readonly #lost = new Map<string, Lost>();
  /** When each root was last looked at: once a millisecond is enough for all that is judged in it. */
  readonly #looked = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(parts: RootGuardParts) {
    this.#parts = parts;
  }

  /** Looks at every root; tells what changed. */
  check(): void {
    for (const folder of this.#parts.territory.roots) this.#checkRoot(folder);
    this.#cancel?.();
    this.#cancel =
      this.#lost.size === 0 ? undefined : this.#parts.clock.after(LOOK_EVERY_MS, () => this.check());
  }

  /** True while nothing may be concluded about what is missing there; looks anew. */
  isAway(path: string): boolean {
    const folder = this.#parts.territory.rootOf(path);
    if (folder === undefined) return false;
    const now_ms = this.#parts.clock.now_ms();
    if (this.#looked.get(folder) === now_ms) return this.#lost.has(folder);
    this.#looked.set(folder, now_ms);
    const was = this.#lost.has(folder);
    this.#checkRoot(folder);
    const is = this.#lost.has(folder);
    if (is && !was) this.check();
    return is;
  }

  lostSince(folder: string): { reason: LostReason; since_ms: number } | undefined {
    return this.#lost.get(folder);
  }

  standing(): string[] {
    return this.#parts.territory.roots.filter((folder) => !this.#lost.has(folder));
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
  }

  #checkRoot(folder: string) {
    const found = this.#look(folder);
    const lost = this.#lost.get(folder);
    if ('reason' in found && lost === undefined) this.#lose(folder, found.reason);
    if ('device' in found) {
      if (found.device !== this.#parts.registry.deviceOf(folder))
        this.#parts.registry.setDevice(folder, found.device);
      if (lost !== undefined) this.#find(folder, lost);
    }
  }

  #lose(folder: string, reason: LostReason) {
    const { host, clock, ledger } = this.#parts;
    const since_ms = clock.now_ms();
    const lost = { reason, since_ms, correlationid: newId(since_ms) };
    this.#lost.set(folder, lost);
    const data = { host, root: folder, reason, started_at: timestamp(since_ms) };
    ledger.tell('WatchRootLost', folder, { data, correlationid: lost.correlationid });
  }

  #find(folder: string, { reason, since_ms, correlationid }: Lost) {
    const { host, clock, ledger } = this.#parts;
    this.#lost.delete(folder);
    const reconciled_at = timestamp(clock.now_ms());
    const data = { host, root: folder, reason, started_at: timestamp(since_ms), reconciled_at };
    ledger.tell('WatchRootLost', folder, { data, correlationid });
    this.#parts.onReturn(folder);
  }

  // An empty folder on another device, where files are known: the mount point below what was mounted there. The number
  // of a device alone tells nothing, it may change with each boot.
  #look(folder: string): { device: string } | { reason: LostReason } {
    try {
      const stats = statSync(folder, { bigint: true });
      if (!stats.isDirectory()) return { reason: 'replaced' };
      const device = String(stats.dev);
      const known = this.#parts.registry.deviceOf(folder);
      if (known === undefined || known === device) return { device };
      const isEmpty = readdirSync(folder).length === 0;
      return isEmpty && this.#parts.registry.hasUnder(folder) ? { reason: 'unmounted' } : { device };
    } catch (error) {
      const code = systemCode(error);
      return { reason: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable' };
    }
  }
}
