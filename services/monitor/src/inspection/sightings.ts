import { type FileStat, look } from '../adapters/file-stat.ts';
import type { GitTree } from '../adapters/git.ts';
import type { ReadOutcome } from '../adapters/read-file.ts';
import { isCollapse } from '../domain/file-inventory/collapse.ts';
import { type Moment, moveFile, observeFile, sameStat } from '../domain/file-inventory/decide.ts';
import {
  type Decision,
  type DetectedBy,
  type Facts,
  type FileRow,
  isBadContent,
  isKnown,
  type Sighting,
  type Verdict,
} from '../domain/file-inventory/state.ts';
import type { Shape } from '../domain/mass-change/shape.ts';
import type { Arrivals } from './arrivals.ts';
import type { Desk } from './desk.ts';
import type { Registrations } from './registrations.ts';
import { type Waiting, WaitingList } from './waiting-list.ts';

/** A file that something happened to, waiting until it has settled. */
interface Settling extends Waiting {
  readonly by: DetectedBy;
  readonly size: number;
  /** The registry knew no such file when it was first seen. */
  readonly is_new: boolean;
  /** Read to prove its content, without a sign of a write. */
  readonly scrubbed?: boolean;
  /** Other bytes below an unchanged stat, as they were read before: rot is believed when it stays the same. */
  readonly rot?: string;
}

type Read = Extract<ReadOutcome, { kind: 'read' }>;
interface Seen {
  readonly entry: Settling;
  readonly outcome: Read;
}

/** What reading a file gave, for those who ask for all of it: a scan. */
export type Judgement = { readonly path: string } & (
  | { readonly verdict: Verdict }
  | { readonly code: string }
);

/** What may be decided now. */
interface Certain extends Sighting {
  readonly first_ms: number;
  readonly shape: Shape;
}

export interface SightingsParts extends Desk {
  readonly arrivals: Arrivals;
  readonly registrations: Registrations;
  /** It is not there any more, or something else is. */
  onGone(path: string, by: DetectedBy): void;
  /** The row whose file this is under an old name, where nothing stands any more. */
  movedFrom(path: string, stat: FileStat): FileRow | undefined;
  onJudged(judgement: Judgement): void;
}

const READ_AT_ONCE = 256;
const BYTES_AT_ONCE = 64 * 1024 * 1024;
/** A file that never comes to rest is judged all the same, while its content is good; a large one less often. */
const UNSETTLED_MAX_MS = 5_000;
const LARGE_BYTES_PER_MS = 20_000;
const AT_REST_MS = 10_000;
/** Rot stays; what a program changes through a mapping goes on, or shows in the stat by then. */
const ROT_AGAIN_MS = 1_000;
const WRITER_AGAIN_MS = 25;
const WRITER_AGAIN_MAX_MS = 1_000;
/** Recovery tells what it put back at once after it did. */
const RECOVERY_TELLS_MS = 500;

/** Reads what has settled and decides what it means. */
export class Sightings {
  readonly #parts: SightingsParts;
  readonly #settling: WaitingList<Settling>;
  readonly #reading = new Map<string, Settling>();
  /** Since when other good bytes stand at the place of a loss. */
  readonly #patience = new Map<string, number>();

  constructor(parts: SightingsParts) {
    this.#parts = parts;
    this.#settling = new WaitingList(parts.clock, () => this.#readDue());
  }

  get size(): number {
    return this.#settling.size + this.#reading.size;
  }

  oldest_ms(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { first_ms } of this.#settling.values()) oldest = Math.min(oldest, first_ms);
    for (const { first_ms } of this.#reading.values()) oldest = Math.min(oldest, first_ms);
    return oldest;
  }

  /** Sizes of new files among what waits. */
  arrivingSizes(): ReadonlySet<number> {
    const all = [...this.#settling.values(), ...this.#reading.values()];
    return new Set(all.filter(({ is_new }) => is_new).map(({ size }) => size));
  }

  /** Something happened to a file: it is read `settle_ms` after the last sign. */
  expect(path: string, seen: { by: DetectedBy; size: number; settle_ms: number; scrubbed?: boolean }): void {
    const now_ms = this.#parts.clock.now_ms();
    const before = this.#settling.get(path) ?? this.#reading.get(path);
    const first_ms = before?.first_ms ?? now_ms;
    const latest_ms = first_ms + UNSETTLED_MAX_MS + seen.size / LARGE_BYTES_PER_MS;
    this.#settling.set({
      path,
      by: seen.by,
      size: seen.size,
      is_new: before?.is_new ?? !isKnown(this.#parts.registry.get(path)),
      first_ms,
      last_ms: now_ms,
      due_ms: Math.max(now_ms, Math.min(now_ms + seen.settle_ms, latest_ms)),
      ...(seen.scrubbed && { scrubbed: true }),
    });
  }

  release(path: string): void {
    this.#settling.delete(path);
  }

  stop(): void {
    this.#settling.clear();
  }

  #readDue() {
    const due = this.#settling.takeDue(READ_AT_ONCE).filter((entry) => this.#mayRead(entry));
    for (const batch of batches(due)) {
      for (const entry of batch) this.#reading.set(entry.path, entry);
      this.#read(batch).catch((error) => this.#parts.fail(error));
    }
  }

  #mayRead(entry: Settling): boolean {
    const now_ms = this.#parts.clock.now_ms();
    if (this.#reading.has(entry.path)) return this.#again(entry, WRITER_AGAIN_MS);
    const tree = this.#parts.git.treeOf(entry.path, now_ms);
    const busy = tree !== undefined && this.#parts.git.activity(tree, now_ms) === 'busy';
    return busy ? this.#again(entry, WRITER_AGAIN_MS) : true;
  }

  /** Puts an entry back; a newer sign of the same path goes before. */
  #again(entry: Settling, wait_ms: number): false {
    if (this.#settling.get(entry.path) === undefined) {
      this.#settling.set({ ...entry, due_ms: this.#parts.clock.now_ms() + wait_ms });
    }
    return false;
  }

  async #read(batch: readonly Settling[]) {
    const { territory, reader } = this.#parts;
    const orders = batch.map(({ path }) => ({ path, checks: territory.checksOf(path) }));
    const outcomes = await reader.ask('read', orders);
    const entries = new Map(batch.map((entry) => [entry.path, entry]));
    const seen = outcomes.flatMap((outcome) => this.#sort(outcome, entries));
    const certain = await this.#doubt(seen);
    for (const { path } of batch) this.#reading.delete(path);
    this.#decide(certain);
  }

  #sort(outcome: ReadOutcome, entries: ReadonlyMap<string, Settling>): Seen[] {
    const entry = entries.get(outcome.path);
    if (entry === undefined) return [];
    if (outcome.kind === 'read') return [{ entry, outcome }];
    if (outcome.kind === 'changing') this.#again(entry, WRITER_AGAIN_MS);
    else if (outcome.kind === 'absent') {
      this.#reading.delete(outcome.path);
      this.#parts.onGone(outcome.path, entry.by);
    } else {
      this.#parts.log.warn({ path: outcome.path, code: outcome.code }, 'a protected file cannot be read');
      this.#parts.onJudged(outcome);
    }
    return [];
  }

  /** Leaves what can be judged now: a loss is believed only when nobody is at work on the file. */
  async #doubt(seen: readonly Seen[]): Promise<Certain[]> {
    const rows = new Map(seen.map(({ entry }) => [entry.path, this.#parts.registry.get(entry.path)]));
    const suspicious = seen.filter(({ entry, outcome }) =>
      isSuspicious(rows.get(entry.path), outcome, this.#parts.clock.now_ms()),
    );
    const rotten = seen.filter(
      ({ entry, outcome }) => entry.scrubbed && isRot(rows.get(entry.path), outcome.facts),
    );
    suspicious.push(...rotten.filter((one) => !suspicious.includes(one)));
    const paths = suspicious.map(({ entry }) => entry.path);
    const { reader } = this.#parts;
    const writers = new Set(paths.length === 0 ? [] : await reader.ask('writers', paths));
    const mapped =
      rotten.length === 0
        ? []
        : await reader.ask(
            'mappers',
            rotten.map(({ entry }) => entry.path),
          );
    for (const path of mapped) writers.add(path);
    const intended = await this.#intended(suspicious.filter(({ outcome }) => isBadContent(outcome.verdict)));
    return seen.flatMap(({ entry, outcome }) => {
      if (writers.has(entry.path) && this.#waitsForWriter(entry, outcome)) return [];
      if (outcome.quiet_ms > 0 && !intended.has(entry.path)) {
        const quiet_ms = this.#parts.clock.now_ms() - entry.last_ms;
        if (entry.by === 'watch' && quiet_ms < outcome.quiet_ms)
          return this.#later(entry, outcome.quiet_ms - quiet_ms);
      }
      if (rotten.some((one) => one.entry === entry) && entry.rot !== outcome.facts.checksum)
        return this.#later({ ...entry, rot: outcome.facts.checksum }, ROT_AGAIN_MS);
      const source = this.#parts.territory.sourceOf(entry.path);
      if (source === undefined) return [];
      return [toCertain(entry, outcome, { intended: intended.has(entry.path), source: source.name })];
    });
  }

  /** A new file with good content is not kept waiting for ever by a writer that stays, such as that of a log. */
  #waitsForWriter(entry: Settling, { verdict }: Read): boolean {
    const waited_ms = this.#parts.clock.now_ms() - entry.first_ms;
    if (entry.is_new && !isBadContent(verdict) && waited_ms > UNSETTLED_MAX_MS) return false;
    this.#again(entry, Math.min(WRITER_AGAIN_MAX_MS, Math.max(WRITER_AGAIN_MS, waited_ms / 4)));
    return true;
  }

  #later(entry: Settling, wait_ms: number): [] {
    this.#again(entry, wait_ms);
    return [];
  }

  async #intended(seen: readonly Seen[]): Promise<Set<string>> {
    const { git, clock } = this.#parts;
    const byTree = new Map<GitTree, string[]>();
    for (const { entry } of seen) {
      const tree = git.treeOf(entry.path, clock.now_ms());
      if (tree === undefined) continue;
      byTree.set(tree, [...(byTree.get(tree) ?? []), entry.path]);
    }
    const sets = await Promise.all([...byTree].map(([tree, paths]) => git.intended(tree, paths)));
    return new Set(sets.flatMap((set) => [...set]));
  }

  #decide(sightings: readonly Certain[]) {
    const { registry, ledger, registrations } = this.#parts;
    const now = sightings.filter((seen) => this.#stillSo(seen) && !this.#waitsForRecovery(seen));
    const first = now.filter(
      (seen) =>
        seen.by === 'scan' && !isKnown(registry.get(seen.path)) && !registry.isRegistered(seen.source),
    );
    for (const { path, verdict } of now) this.#parts.onJudged({ path, verdict });
    for (const seen of first) registrations.add(seen);
    const others = now.filter((seen) => !first.includes(seen));
    const moment = ledger.moment();
    const shapes = new Map(others.map(({ path, shape }) => [path, shape]));
    ledger.commit(
      others.map((seen) => this.#decideOne(seen, moment)),
      { shapes },
    );
    for (const seen of others) this.#arrive(seen);
  }

  #decideOne(seen: Certain, moment: Moment): Decision {
    const { registry, movedFrom } = this.#parts;
    const row = registry.get(seen.path);
    const from = isBadContent(seen.verdict) ? undefined : movedFrom(seen.path, seen.facts);
    return from === undefined ? observeFile(row, seen, moment) : moveFile(from, { ...seen, row }, moment);
  }

  /** A newer sign, or another stat than that of the bytes that were read, and it has to be read again. */
  #stillSo(seen: Sighting): boolean {
    if (this.#settling.get(seen.path) !== undefined) return false;
    const standing = look(seen.path);
    if (standing.kind === 'file' && sameStat(standing.stat, seen.facts)) return true;
    this.#parts.onGone(seen.path, seen.by);
    return false;
  }

  /** Other good bytes at the place of a loss may be an older version that recovery is about to tell of. */
  #waitsForRecovery(seen: Sighting): boolean {
    const row = this.#parts.registry.get(seen.path);
    if (row === undefined || !('loss' in row) || seen.facts.checksum === row.facts.checksum) return false;
    if (row.state === 'corrupted' && seen.facts.checksum === row.actual.checksum) return false;
    const now_ms = this.#parts.clock.now_ms();
    const waited = this.#patience.get(seen.path);
    this.#patience.set(seen.path, waited ?? now_ms);
    if (waited !== undefined && now_ms - waited >= RECOVERY_TELLS_MS) {
      this.#patience.delete(seen.path);
      return false;
    }
    this.expect(seen.path, { by: seen.by, size: seen.facts.size, settle_ms: RECOVERY_TELLS_MS });
    return true;
  }

  #arrive({ path, facts, first_ms }: Certain) {
    const row = this.#parts.registry.get(path);
    if (row?.version !== 1 || row.state !== 'present') return;
    this.#parts.arrivals.add({ path, facts, appeared_at_ms: first_ms }, this.#parts.clock.now_ms());
  }
}

/** What would be a loss, and what is new: nobody may be at work on it. What has been there for a while is at rest. */
function isSuspicious(row: FileRow | undefined, { facts, verdict }: Read, now_ms: number): boolean {
  if (isBadContent(verdict)) return true;
  if (!isKnown(row)) return now_ms - Number(BigInt(facts.ctime_ns) / 1_000_000n) < AT_REST_MS;
  return row.state === 'present' && !verdict.judged && isCollapse(row.path, row.facts.size, facts.size);
}

/** Other bytes than those known, and no sign that anybody wrote them. */
function isRot(row: FileRow | undefined, facts: Facts): boolean {
  return row?.state === 'present' && row.facts.checksum !== facts.checksum && sameStat(row.facts, facts);
}

function toCertain(entry: Settling, outcome: Read, about: { intended: boolean; source: string }): Certain {
  const { path, by, scrubbed, first_ms } = entry;
  const { facts, verdict, shape, sessions } = outcome;
  const more = { ...(scrubbed && { scrubbed }), ...(sessions !== undefined && { sessions }) };
  return { path, facts, verdict, shape, by, first_ms, ...about, ...more };
}

/** Batches that a thread reads in one go: not too many files, not too many bytes. */
function batches(entries: readonly Settling[]): Settling[][] {
  const lists: Settling[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    if (bytes + entry.size > BYTES_AT_ONCE) {
      lists.push([]);
      bytes = 0;
    }
    lists.at(-1)?.push(entry);
    bytes += entry.size;
  }
  return lists;
}
