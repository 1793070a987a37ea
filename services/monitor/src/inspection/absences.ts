import { dirname } from 'node:path';
import { look } from '../adapters/file-stat.ts';
import type { GitTree } from '../adapters/git.ts';
import { type Neighbour, readNeighbours } from '../adapters/neighbours.ts';
import { moveFile, observeAbsence } from '../domain/file-inventory/decide.ts';
import { findCopy, isLinkKnown, isSameInode } from '../domain/file-inventory/same-file.ts';
import {
  type Decision,
  type DetectedBy,
  type FileRow,
  type RetiredReason,
  stands,
} from '../domain/file-inventory/state.ts';
import type { Arrivals } from './arrivals.ts';
import type { Desk } from './desk.ts';
import type { Explorations } from './explorations.ts';
import { type Waiting, WaitingList } from './waiting-list.ts';

/** A file that is not there, held for what may explain it. */
interface Held extends Waiting {
  readonly by: DetectedBy;
  readonly excuse?: RetiredReason;
  /** The newest exploration when it first fell due: later ones do not hold it. */
  readonly awaits?: number;
  /** Its file was found under another name beside it, which is being looked at. */
  readonly followed?: boolean;
}

export interface AbsencesParts extends Desk {
  /** Something stands there after all. */
  onThere(path: string, by: DetectedBy): void;
  /** Sizes of the new files that are being looked at: a file that is gone may be one of them. */
  arrivingSizes(): ReadonlySet<number>;
  readonly arrivals: Arrivals;
  /** New folders that are to be read, and those that were: what is gone may stand in one of them. */
  readonly explorations: Explorations;
  /** A walk is under way, or what it found is still to be looked at. */
  isSearching(): boolean;
}

/** Decided in one turn of the loop: one transaction. */
const SLICE = 80;
const LOOK_AGAIN_MS = 5;
const SEARCH_AGAIN_MS = 20;
/** However busy git or a new folder is: no loss is held for longer. */
const HELD_MAX_MS = 30_000;
/** A file that is only just arriving is waited for so long. */
const ARRIVAL_MAX_MS = 2_000;

/** Decides what is lost among the paths where nothing stands any more. */
export class Absences {
  readonly #parts: AbsencesParts;
  readonly #held: WaitingList<Held>;
  readonly #asking = new Set<string>();

  constructor(parts: AbsencesParts) {
    this.#parts = parts;
    this.#held = new WaitingList(parts.clock, () => this.#judgeDue());
  }

  get size(): number {
    return this.#held.size + this.#asking.size;
  }

  /** When the oldest of them began to wait. */
  oldest_ms(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { first_ms } of this.#held.values()) oldest = Math.min(oldest, first_ms);
    return this.#asking.size > 0 ? 0 : oldest;
  }

  /** Nothing stands at a path of the registry. */
  hold(path: string, by: DetectedBy): void {
    if (this.#held.get(path) !== undefined || this.#asking.has(path)) return;
    const now_ms = this.#parts.clock.now_ms();
    this.#held.set({
      path,
      by,
      first_ms: now_ms,
      last_ms: now_ms,
      due_ms: now_ms + this.#parts.move_window_ms,
    });
  }

  /** Somebody moved it to a name that is left out. */
  excuse(path: string, excuse: RetiredReason): void {
    const held = this.#held.get(path);
    if (held !== undefined) this.#held.set({ ...held, excuse });
  }

  release(path: string): void {
    this.#held.delete(path);
  }

  stop(): void {
    this.#held.clear();
  }

  #judgeDue() {
    const ready: Held[] = [];
    const byTree = new Map<GitTree, Held[]>();
    const arriving = this.#parts.arrivingSizes();
    const searching = this.#parts.isSearching();
    const beside = new Map<string, ReadonlyMap<string, Neighbour>>();
    for (const held of this.#held.takeDue(SLICE)) {
      if (searching && this.#mayBeFound(held)) {
        this.#putOff(held, SEARCH_AGAIN_MS);
        continue;
      }
      if (!this.#isGone(held) || this.#standsBeside(held, beside)) continue;
      const tree = this.#parts.git.treeOf(held.path, this.#parts.clock.now_ms());
      const waits = this.#mustWait(held, tree, arriving);
      if (waits === 'wait') this.#putOff(held);
      else if (waits === 'ask' && tree !== undefined) byTree.set(tree, [...(byTree.get(tree) ?? []), held]);
      else ready.push(held);
    }
    this.#decide(ready);
    for (const [tree, asked] of byTree) this.#askGit(tree, asked).catch((error) => this.#parts.fail(error));
  }

  /** A walk finds what is gone before it comes to where it went. */
  #mayBeFound({ by, first_ms }: Held): boolean {
    return by === 'scan' && this.#parts.clock.now_ms() - first_ms <= HELD_MAX_MS;
  }

  #isGone({ path, by }: Held): boolean {
    const standing = look(path).kind;
    if (standing === 'file' || standing === 'unknown') {
      if (standing === 'file') this.#parts.onThere(path, by);
      return false;
    }
    return !this.#parts.roots.isAway(path);
  }

  /**
   * A rename within a folder whose second half is still to be told (the program was interrupted right between) is seen
   * on disk already: it is followed from there.
   */
  #standsBeside(held: Held, read: Map<string, ReadonlyMap<string, Neighbour>>): boolean {
    const row = this.#parts.registry.get(held.path);
    const waited_ms = this.#parts.clock.now_ms() - held.first_ms;
    if (!stands(row) || held.excuse !== undefined || waited_ms > ARRIVAL_MAX_MS) return false;
    const folder = dirname(held.path);
    const neighbours = read.getOrInsertComputed(folder, readNeighbours);
    const found = neighbours.get(row.facts.inode);
    if (found === undefined || !isSameInode(row.facts, found.stat)) return false;
    if (isLinkKnown(this.#parts.registry.get(found.path), found.stat)) return false;
    // Once: each sign would have it wait to settle anew.
    if (!held.followed) this.#parts.onThere(found.path, held.by);
    const isOpen = stands(this.#parts.registry.get(held.path)) && this.#held.get(held.path) === undefined;
    if (isOpen) this.#putOff({ ...held, followed: true });
    return true;
  }

  #mustWait(held: Held, tree: GitTree | undefined, arriving: ReadonlySet<number>): 'wait' | 'ask' | 'no' {
    const now_ms = this.#parts.clock.now_ms();
    const waited_ms = now_ms - held.first_ms;
    if (waited_ms > HELD_MAX_MS) return 'no';
    if (this.#parts.explorations.done < (held.awaits ?? this.#parts.explorations.begun)) return 'wait';
    const size = arriving.size === 0 ? undefined : this.#parts.registry.get(held.path)?.facts.size;
    if (waited_ms < ARRIVAL_MAX_MS && size !== undefined && arriving.has(size)) return 'wait';
    const activity = tree === undefined ? 'quiet' : this.#parts.git.activity(tree, now_ms);
    if (activity === 'busy') return 'wait';
    return activity === 'recent' ? 'ask' : 'no';
  }

  #putOff(held: Held, again_ms = LOOK_AGAIN_MS) {
    const now_ms = this.#parts.clock.now_ms();
    const awaits = held.awaits ?? this.#parts.explorations.begun;
    this.#held.set({ ...held, awaits, last_ms: now_ms, due_ms: now_ms + again_ms });
  }

  async #askGit(tree: GitTree, asked: readonly Held[]) {
    for (const { path } of asked) this.#asking.add(path);
    try {
      const paths = asked.map(({ path }) => path);
      const removed = await this.#parts.git.removed(tree, paths);
      const still = asked.filter((held) => this.#isGone(held));
      this.#decide(
        still.map((held) => (removed.has(held.path) ? { ...held, excuse: 'git' as const } : held)),
      );
    } finally {
      for (const { path } of asked) this.#asking.delete(path);
    }
  }

  #decide(gone: readonly Held[]) {
    for (let start = 0; start < gone.length; start += SLICE) {
      this.#parts.ledger.commit(gone.slice(start, start + SLICE).map((held) => this.#decideOne(held)));
    }
  }

  #decideOne(held: Held): Decision {
    const { registry, ledger } = this.#parts;
    const moment = ledger.moment();
    const row = registry.get(held.path);
    const excuse = held.excuse ?? this.#excuseOf(held.path);
    const moved = excuse === undefined && stands(row) ? this.#copyOf(row, held) : undefined;
    if (row !== undefined && moved !== undefined) return moveFile(row, moved, moment);
    return observeAbsence(row, { by: held.by, excuse }, moment);
  }

  #copyOf(row: FileRow, held: Held) {
    const { registry, arrivals, move_window_ms } = this.#parts;
    const when = { gone_at_ms: held.first_ms, window_ms: move_window_ms };
    const copy = findCopy(row, arrivals.of(row.facts.checksum), when);
    const target = copy === undefined ? undefined : registry.get(copy.path);
    if (copy === undefined || target?.state !== 'present') return undefined;
    arrivals.take(copy);
    return { path: copy.path, source: target.source, facts: target.facts, row: target };
  }

  #excuseOf(path: string): RetiredReason | undefined {
    const { registry, territory, clock } = this.#parts;
    if (registry.isAllowed(path, clock.now_ms())) return 'allowed';
    const source = territory.sourceOf(path);
    if (source === undefined) return 'excluded';
    return source.config.on_delete === 'ignore' ? 'policy' : undefined;
  }
}
