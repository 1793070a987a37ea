import { look } from '../adapters/file-stat.ts';
import { observeFile, sameStat } from '../domain/file-inventory/decide.ts';
import { GROUP_MAX } from '../domain/file-inventory/group.ts';
import type { Sighting } from '../domain/file-inventory/state.ts';
import type { Desk } from './desk.ts';

/** At the latest; whoever waits for the end of a walk has them written sooner. */
const GATHER_MS = 2_000;

/** The first registration of sources: gathered, so that a thousand files are one transaction and one event. */
export class Registrations {
  readonly #desk: Pick<Desk, 'clock' | 'registry' | 'ledger' | 'fail'>;
  #gathered = new Map<string, Sighting>();
  #cancel: (() => void) | undefined;

  constructor(desk: Pick<Desk, 'clock' | 'registry' | 'ledger' | 'fail'>) {
    this.#desk = desk;
  }

  get size(): number {
    return this.#gathered.size;
  }

  add(seen: Sighting): void {
    this.#gathered.set(seen.path, seen);
    if (this.#gathered.size >= GROUP_MAX) this.flush();
    else this.#cancel ??= this.#desk.clock.after(GATHER_MS, () => this.#flushSafely());
  }

  /** What changed or went away while it was gathered is left to the next look. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#gathered.size === 0) return;
    const gathered = [...this.#gathered.values()];
    this.#gathered = new Map();
    const { registry, ledger } = this.#desk;
    const standing = gathered.filter(({ path, facts }) => {
      const found = look(path);
      return found.kind === 'file' && sameStat(found.stat, facts);
    });
    const moment = ledger.moment();
    ledger.commit(
      standing.map((seen) => observeFile(registry.get(seen.path), seen, moment)),
      { grouped: true },
    );
  }

  stop(): void {
    this.#cancel?.();
    this.#gathered.clear();
  }

  #flushSafely() {
    try {
      this.flush();
    } catch (error) {
      this.#desk.fail(error);
    }
  }
}
