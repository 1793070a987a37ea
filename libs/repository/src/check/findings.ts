import type { CheckProblem } from '../api.ts';

/** What a check has found so far: problems by object, and what each reaches. */
export class Findings {
  readonly #problems = new Map<
    string,
    { problems: Set<string>; reaches: { snapshot_id: string; path: string }[] }
  >();
  /** Chunks that cannot be had from a pack, and the object that is to blame. */
  readonly #lost = new Map<string, Map<string, string>>();

  add(object: string, problem: string): void {
    this.#of(object).problems.add(problem);
  }

  reach(object: string, what: { snapshot_id: string; path: string }): void {
    this.#of(object).reaches.push(what);
  }

  /** A chunk (hex) cannot be had from a pack (its id). */
  loseChunk(chunk: string, pack: { id: string; object: string }): void {
    const packs = this.#lost.get(chunk) ?? new Map<string, string>();
    packs.set(pack.id, pack.object);
    this.#lost.set(chunk, packs);
  }

  /** The object to blame where a chunk cannot be had from any of its packs; undefined where one is good. */
  blameFor(chunk: string, packs: readonly string[]): string | undefined {
    const lost = this.#lost.get(chunk);
    if (packs.length === 0) return `chunk ${chunk}`;
    if (lost === undefined || packs.some((pack) => !lost.has(pack))) return undefined;
    return lost.get(packs[0] as string);
  }

  problems(): CheckProblem[] {
    return [...this.#problems].map(([object, { problems, reaches }]) => ({
      object,
      // A deleted pack is a problem only where something needs it.
      problem: [...problems].join('; ') || 'it was deleted, and is needed',
      reaches,
    }));
  }

  #of(object: string) {
    const known = this.#problems.get(object) ?? { problems: new Set<string>(), reaches: [] };
    this.#problems.set(object, known);
    return known;
  }
}
