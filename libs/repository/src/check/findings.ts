import type { CheckProblem, Reach } from '../api.ts';
import { prefixOf } from '../crypto/keys.ts';

/** So many are kept for each object: the rest is counted. */
const REACHES_MAX = 100_000;

interface Found {
  readonly problems: Set<string>;
  reaches: Reach[];
  reaches_count: number;
  is_needed: boolean;
}

/** What a check has found so far: problems by object, and what each reaches. Takes memory for what is damaged only. */
export class Findings {
  /** Packs (ids) of which something is wrong. */
  readonly bad_packs = new Set<string>();
  readonly #found = new Map<string, Found>();
  /** Chunks that cannot be had from a pack: prefix (hex) to packs (ids). */
  readonly #lost = new Map<string, Set<string>>();

  add(object: string, problem: string): void {
    // Whoever shows it names the object; errors often begin with the name too.
    const own_name = `${object}: `;
    const what = problem.startsWith(own_name) ? problem.slice(own_name.length) : problem;
    this.#of(object).problems.add(what);
  }

  /** It must be mended whether or not a snapshot reaches it: a key, the config. */
  addNeeded(object: string, problem: string): void {
    this.add(object, problem);
    this.#of(object).is_needed = true;
  }

  reach(object: string, what: Reach): void {
    const found = this.#of(object);
    found.reaches_count += 1;
    if (found.reaches.length < REACHES_MAX) found.reaches.push(what);
  }

  /** A chunk, by its id or the prefix of it, cannot be had from a pack (its id). */
  loseChunk(id: Buffer, pack: string): void {
    const chunk = prefixOf(id).toString('hex');
    const packs = this.#lost.get(chunk) ?? new Set<string>();
    packs.add(pack);
    this.#lost.set(chunk, packs);
  }

  /** Whether it is known that a chunk cannot be had from this pack. */
  isLost(id: Buffer, pack: string): boolean {
    return this.#lost.get(prefixOf(id).toString('hex'))?.has(pack) ?? false;
  }

  /** Nobody needs any more what only these snapshots reached: it may be gone with them. */
  leave(snapshots: ReadonlySet<string>): void {
    for (const [object, found] of this.#found) {
      const left = found.reaches.filter(({ snapshot_id }) => !snapshots.has(snapshot_id));
      if (left.length === found.reaches.length) continue;
      found.reaches_count -= found.reaches.length - left.length;
      found.reaches = left;
      const was_only_needed = found.problems.size === 0 || object.startsWith('chunk ');
      if (found.reaches_count === 0 && was_only_needed) this.#found.delete(object);
    }
  }

  problems(): CheckProblem[] {
    return [...this.#found].map(([object, { problems, reaches, reaches_count, is_needed }]) => ({
      object,
      // A deleted pack is a problem only where something needs it.
      problem: [...problems].join('; ') || 'it was deleted, and is needed',
      reaches,
      reaches_count,
      harmless: reaches_count === 0 && !is_needed,
    }));
  }

  #of(object: string): Found {
    const known = this.#found.get(object) ?? {
      problems: new Set<string>(),
      reaches: [],
      reaches_count: 0,
      is_needed: false,
    };
    this.#found.set(object, known);
    return known;
  }
}
