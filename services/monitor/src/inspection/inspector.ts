import { dirname, extname } from 'node:path';
import { type FileStat, look } from '../adapters/file-stat.ts';
import { moveFile, sameStat } from '../domain/file-inventory/decide.ts';
import { isLinkKnown, isSameInode } from '../domain/file-inventory/same-file.ts';
import { type DetectedBy, type FileRow, stands } from '../domain/file-inventory/state.ts';
import { Absences } from './absences.ts';
import { Arrivals } from './arrivals.ts';
import type { Desk } from './desk.ts';
import { Explorations } from './explorations.ts';
import { Registrations } from './registrations.ts';
import { type Judgement, Sightings } from './sightings.ts';

interface Clue {
  readonly path: string;
  readonly by: DetectedBy;
  /** A name came, went or was replaced: a folder there may be new. */
  readonly entry?: boolean;
}

/** Clues that are looked at in one turn of the loop: some milliseconds. */
const SLICE = 100;
/** Differences of a walk that wait at most. */
const ROOM = 3_000;
/** Ten ticks of the kernel's clock at its slowest. */
const FRESH_MS = 100;
/** Longer than what has no reason to wait. */
const CATCH_UP_MAX_MS = 10_000;

export interface InspectorParts extends Desk {
  /** Folders came into being: what they hold has to be looked at. */
  explore(folders: readonly string[]): Promise<void>;
  /** A walk is under way: what it has not come to may be the other half of what it found gone. */
  isWalking(): boolean;
}

/** Follows every clue to what stands at its path, and hands that on to be judged. */
export class Inspector {
  readonly #parts: InspectorParts;
  readonly #absences: Absences;
  readonly #sightings: Sightings;
  readonly #registrations: Registrations;
  readonly #explorations: Explorations;
  readonly #listeners = new Set<(judgement: Judgement) => unknown>();
  readonly #clues: Clue[] = [];
  readonly #waiting: { since_ms: number | undefined; resolve: () => void }[] = [];
  /** Clues of walks among them. */
  #found = 0;
  /** Hints of this turn of the loop. */
  #hints = 0;
  #next: NodeJS.Immediate | undefined;
  #poll: (() => void) | undefined;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
    const arrivals = new Arrivals();
    this.#explorations = new Explorations(parts);
    const goTo = (path: string, by: DetectedBy) => this.#follow({ path, by });
    this.#registrations = new Registrations(parts);
    this.#sightings = new Sightings({
      ...parts,
      arrivals,
      registrations: this.#registrations,
      onGone: goTo,
      movedFrom: (path, stat) => this.#movedFrom(path, stat),
      onJudged: (judgement) => {
        for (const listener of this.#listeners) listener(judgement);
      },
    });
    this.#absences = new Absences({
      ...parts,
      arrivals,
      onThere: goTo,
      arrivingSizes: () => this.#sightings.arrivingSizes(),
      explorations: this.#explorations,
      isSearching: () => parts.isWalking() || this.#found > 0,
    });
  }

  /** Every judgement from now on, until the returned function is called. */
  listen(listener: (judgement: Judgement) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is not decided yet. */
  get pending(): number {
    return this.#absences.size + this.#sightings.size + this.#registrations.size + this.#clues.length;
  }

  /** Something may have happened at the path, now. `entry`: its name came or went. A flood of hints is taken in slices. */
  hint(path: string, entry: boolean): void {
    this.#hints += 1;
    if (this.#hints > SLICE) this.#clues.push({ path, by: 'watch', entry });
    else this.#followSafely({ path, by: 'watch', entry });
    this.#schedule();
  }

  /** Paths that a walk found to differ. Resolves when there is room for more. */
  async suspect(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#clues.push({ path, by: 'scan' });
    this.#found += paths.length;
    this.#schedule();
    // Absences do not count: they may wait for this very walk.
    while (this.#sightings.size + this.#registrations.size + this.#clues.length > ROOM)
      await new Promise<void>((resolve) => this.#parts.clock.after(10, resolve));
  }

  /** Reads a file whatever its stat says. */
  verify(path: string): void {
    const found = look(path);
    if (found.kind !== 'file') this.#follow({ path, by: 'scan' });
    else this.#sightings.expect(path, { by: 'scan', size: found.stat.size, settle_ms: 0, scrubbed: true });
  }

  /** Reads a file again soon: somebody told what he put there. */
  lookAgain(path: string): void {
    this.#follow({ path, by: 'watch' });
  }

  /** Resolves when everything that came in before is decided; what cannot be decided soon (a writer that stays) is not waited for. */
  caughtUp(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ since_ms: undefined, resolve });
    this.#checkWaiting();
    return promise;
  }

  stop(): void {
    if (this.#next !== undefined) clearImmediate(this.#next);
    this.#poll?.();
    this.#clues.length = 0;
    this.#found = 0;
    this.#absences.stop();
    this.#sightings.stop();
    this.#registrations.stop();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #schedule() {
    if (this.#next !== undefined || this.#clues.length + this.#hints === 0) return;
    this.#next = setImmediate(() => {
      this.#next = undefined;
      this.#hints = 0;
      for (const clue of this.#clues.splice(0, SLICE)) {
        if (clue.by === 'scan') this.#found -= 1;
        this.#followSafely(clue);
      }
      this.#schedule();
    });
  }

  #followSafely(clue: Clue) {
    try {
      this.#follow(clue);
    } catch (error) {
      this.#parts.fail(error);
    }
  }

  #follow(clue: Clue) {
    const found = look(clue.path);
    if (found.kind === 'absent') return this.#followAbsence(clue);
    if (found.kind === 'file') return this.#followFile(clue, found.stat);
    if (found.kind === 'unknown') {
      return this.#parts.log.debug({ path: clue.path, code: found.code }, 'cannot be looked at');
    }
    // Something else took the place of a file.
    if (stands(this.#parts.registry.get(clue.path))) this.#absences.hold(clue.path, clue.by);
    if (found.kind === 'directory' && clue.entry) this.#explore(clue.path);
  }

  #followAbsence({ path, by }: Clue) {
    const { registry } = this.#parts;
    this.#sightings.release(path);
    const row = registry.get(path);
    if (stands(row)) return this.#absences.hold(path, by);
    if (row !== undefined || !registry.hasUnder(path)) return;
    // A folder is gone: one loss for each file that is known in it.
    for (const child of registry.pathsUnder(path)) {
      this.#clues.push({ path: child, by });
      if (by === 'scan') this.#found += 1;
    }
    this.#schedule();
  }

  #followFile({ path, by }: Clue, stat: FileStat) {
    const { territory, registry } = this.#parts;
    this.#absences.release(path);
    const row = registry.get(path);
    const source = territory.sourceOf(path);
    if (source === undefined) return this.#followExcluded(path, stat, row);
    if (stands(row) && sameStat(row.facts, stat) && !this.#isFresh(stat, by)) return;
    if (row?.state === 'corrupted' && sameStat(row.actual, stat)) return;
    const from = this.#movedFrom(path, stat);
    if (from !== undefined && isSameToValidators(from, path, row)) {
      return this.#move(from, { path, stat, source: source.name });
    }
    this.#sightings.expect(path, {
      by,
      size: stat.size,
      settle_ms: this.#settleMs(stat, by, territory.settleMs(source)),
    });
  }

  /** Something happened to it, and no stat tells: clocks of files tick in milliseconds, two writes may share one. */
  #isFresh(stat: FileStat, by: DetectedBy): boolean {
    const age_ms = this.#parts.clock.now_ms() - Number(BigInt(stat.ctime_ns) / 1_000_000n);
    return by === 'watch' && Math.abs(age_ms) < FRESH_MS;
  }

  /** A walk finds files that came to rest long ago. */
  #settleMs(stat: FileStat, by: DetectedBy, settle_ms: number): number {
    if (by === 'watch') return settle_ms;
    const rested_ms = this.#parts.clock.now_ms() - Number(BigInt(stat.ctime_ns) / 1_000_000n);
    return Math.min(settle_ms, Math.max(0, settle_ms - rested_ms));
  }

  /** A name that is left out. What was known there is let go; what was moved there was meant to be. */
  #followExcluded(path: string, stat: FileStat, row: FileRow | undefined) {
    if (stands(row)) {
      this.#absences.hold(path, 'scan');
      this.#absences.excuse(path, 'excluded');
    }
    for (const candidate of this.#parts.registry.byInode(stat.inode)) {
      const moved =
        stands(candidate) && isSameInode(candidate.facts, stat) && look(candidate.path).kind === 'absent';
      if (!moved) continue;
      this.#absences.hold(candidate.path, 'watch');
      this.#absences.excuse(candidate.path, 'excluded');
    }
  }

  /** The row whose file this is, under its old name. */
  #movedFrom(path: string, stat: FileStat): FileRow | undefined {
    // It was known here before: what is gone was another link to it.
    if (isLinkKnown(this.#parts.registry.get(path), stat)) return undefined;
    return this.#parts.registry
      .byInode(stat.inode)
      .filter((row) => row.path !== path && stands(row) && isSameInode(row.facts, stat))
      .find((row) => look(row.path).kind === 'absent');
  }

  #move(from: FileRow, to: { path: string; stat: FileStat; source: string }) {
    const { registry, ledger } = this.#parts;
    this.#absences.release(from.path);
    this.#sightings.release(to.path);
    const facts = { ...to.stat, checksum: from.facts.checksum };
    const target = { path: to.path, source: to.source, facts, row: registry.get(to.path) };
    ledger.commit([moveFile(from, target, ledger.moment())]);
  }

  #explore(folder: string) {
    const { territory } = this.#parts;
    const isBelowRoot = territory.rootOf(dirname(folder)) !== undefined;
    if (isBelowRoot && territory.enters(folder, 'directory')) this.#explorations.begin(folder);
  }

  #checkWaiting() {
    this.#poll?.();
    this.#poll = undefined;
    const now_ms = this.#parts.clock.now_ms();
    const oldest_ms = Math.min(this.#absences.oldest_ms(), this.#sightings.oldest_ms());
    if (oldest_ms === Number.POSITIVE_INFINITY) this.#registrations.flush();
    for (const waiter of this.#waiting.splice(0)) {
      // Only when no clue is left, all that came in before has begun to wait.
      if (this.#clues.length === 0) waiter.since_ms ??= now_ms;
      const { since_ms = now_ms } = waiter;
      const over = oldest_ms > since_ms && this.#clues.length + this.#registrations.size === 0;
      if (over || now_ms - since_ms > CATCH_UP_MAX_MS) waiter.resolve();
      else this.#waiting.push(waiter);
    }
    if (this.#waiting.length > 0) this.#poll = this.#parts.clock.after(10, () => this.#checkWaiting());
  }
}

/** Where validators may see it differently under its new name, it is read first; bad bytes over a good file are a change of that file. */
function isSameToValidators(from: FileRow, path: string, row: FileRow | undefined): boolean {
  const sameKind = extname(from.path).toLowerCase() === extname(path).toLowerCase();
  return sameKind && !(from.state === 'suspect' && stands(row));
}
