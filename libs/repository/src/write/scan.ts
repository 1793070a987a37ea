import type { BackupRequest } from '../api.ts';
import type { Engine } from '../engine.ts';
import { throwIfAborted } from '../errors.ts';
import { ancestorsOf, pathToKey } from '../paths.ts';
import { Slice } from '../slice.ts';
import { findValue, leavesFrom, subtreeLeaves, type TreeItem } from '../tree/cursor.ts';
import { NearLeaf } from '../tree/near-leaf.ts';
import { ChangePlan } from './change-plan.ts';
import { statAt } from './file-stat.ts';
import { ParentCursor } from './parent-cursor.ts';
import { readFrom, storedPath, type Target, targetsOf } from './targets.ts';
import { look, type WalkItem, type WalkOptions, walk } from './walk.ts';

/** So many paths are reported before the scan waits for what is worked off. */
const REPORTED_AT_ONCE = 256;

/** What a scan finds out. `before` is the parent's entry, encoded. */
export interface ScanSink {
  /** A path that stands; in a walk in order of keys. */
  present(item: WalkItem, before: Buffer | undefined): void;
  /** A path that the parent has and that is gone. */
  gone(key: string, before: Buffer): void;
  /** A path that stays as the parent has it. */
  kept(key: string): void;
  unreadable(path: string, reason: string): void;
  skipped(path: string, reason: string): void;
  /** Waits until what was found is worked off. */
  room(): Promise<void>;
}

/**
 * Compares what stands on disk with the parent snapshot: everything, or only the changes that are named. What cannot
 * be read now and what is to be carried is neither present nor gone: it stays as the parent has it.
 */
export class Scan {
  /** Roots that could be looked at. */
  roots_readable = 0;
  readonly #engine: Engine;
  readonly #request: BackupRequest;
  readonly #parent_tree: string | undefined;
  readonly #sink: ScanSink;
  readonly #carried: ReadonlySet<string>;
  readonly #carried_folders: ReadonlySet<string>;
  readonly #unreadable = new Set<string>();
  /** Roots that stood when the scan began, and what stood there. */
  #stood: ReadonlyMap<Target, string | undefined> = new Map();
  readonly #options: WalkOptions;
  /** Paths of the parent that are not there, and not yet told. */
  readonly #gone: TreeItem[] = [];
  #reported = 0;
  readonly #slice = new Slice();

  constructor(
    engine: Engine,
    work: { request: BackupRequest; parent_tree: string | undefined; sink: ScanSink },
  ) {
    this.#engine = engine;
    this.#request = work.request;
    this.#parent_tree = work.parent_tree;
    this.#sink = work.sink;
    this.#carried = new Set([...(work.request.carry ?? [])].map(pathToKey));
    this.#carried_folders = new Set([...this.#carried].flatMap((key) => [...ancestorsOf(key)]));
    const { select = () => true, read_at } = work.request;
    this.#options = {
      select: read_at === undefined ? select : (path, kind) => select(storedPath(path, read_at), kind),
      on_unreadable: ({ path, key, reason }) => this.#cannotRead({ path, key }, reason),
      on_skipped: ({ path, reason }) => this.#sink.skipped(storedPath(path, read_at), reason),
    };
  }

  async run(): Promise<void> {
    const { changes, read_at } = this.#request;
    const roots = targetsOf(this.#request.roots).map((root) => readFrom(root, read_at));
    const is_walk = changes === undefined || read_at !== undefined || this.#parent_tree === undefined;
    if (is_walk) await this.#scanAll(roots);
    else await this.#scanChanges(roots);
  }

  async #scanAll(roots: readonly Target[]): Promise<void> {
    const cursor = this.#cursor(this.#leaves(undefined));
    for (const root of this.#standing(roots)) {
      await this.#walkBeside(cursor, root);
      // Before the parent's entries of it are passed; at the others once, at the end.
      this.#lookAgainAt(root);
    }
    await cursor.finish();
  }

  /**
   * Names the roots that were taken away since the scan began: a disk that is unmounted, a folder that is moved. What was
   * not reached there, or is gone when it is read, is no deletion that anybody wanted: see `keeps`.
   */
  lookAgain(): void {
    for (const root of this.#stood.keys()) this.#lookAgainAt(root);
  }

  /** True for what stays as the parent has it, whatever stands on disk. */
  keeps(key: string): boolean {
    return this.#isKept(key);
  }

  #lookAgainAt(root: Target): void {
    const identity = this.#stood.get(root);
    const is_same = identity !== undefined && identityOf(root) === identity;
    if (!is_same) this.#cannotRead(root, 'it was taken away while it was read');
  }

  async #scanChanges(roots: readonly Target[]): Promise<void> {
    const standing = this.#standing(roots);
    const plan = await ChangePlan.of(this.#request, standing);
    const near = new NearLeaf(this.#engine.nodes.load, this.#parent_tree as string);
    const missing = new Map<string, boolean>();
    const isMissing = (folder: Target) => {
      const known = missing.get(folder.key) ?? this.#isMissing(folder);
      missing.set(folder.key, known);
      return known;
    };
    for (const target of plan.targets(isMissing)) await this.#scanTarget(target, { roots, near });
    await this.#passGone();
    for (const folder of plan.foldersAbove()) {
      const item = look(folder, this.#options);
      if (item !== undefined) this.#report(item, await this.#before(folder.key));
      await this.#roomAtTimes();
    }
  }

  async #scanTarget(target: Target, of: { roots: readonly Target[]; near: NearLeaf }): Promise<void> {
    const item = look(target, this.#options);
    const is_root = of.roots.some(({ key }) => key === target.key);
    const is_wanted = item !== undefined && (is_root || this.#options.select(item.path, item.kind));
    const before = item?.kind === 'directory' ? undefined : await of.near.subtree(target.key);
    if (before === undefined) await this.#scanSubtree(target, is_wanted);
    else {
      const own = before[0]?.key === target.key ? before[0] : undefined;
      if (is_wanted) this.#report(item, own?.value);
      for (const one of before) if (one !== own || !is_wanted) this.#gone.push(one);
    }
    await this.#roomAtTimes();
  }

  async #scanSubtree(target: Target, is_wanted: boolean): Promise<void> {
    const cursor = this.#cursor(this.#leaves(target.key));
    if (is_wanted) await this.#walkBeside(cursor, target);
    this.lookAgain();
    await cursor.finish();
  }

  async #roomAtTimes(): Promise<void> {
    this.#reported += 1;
    if (this.#reported % REPORTED_AT_ONCE === 0) await this.#passGone();
  }

  /** What is gone from a root that was taken away meanwhile is no deletion: looked at for many together. */
  async #passGone(): Promise<void> {
    throwIfAborted(this.#request.signal);
    this.lookAgain();
    for (const item of this.#gone.splice(0)) this.#pass(item);
    await this.#room();
  }

  #isMissing(folder: Target): boolean {
    return look(folder, this.#options) === undefined && !this.#isKept(folder.key);
  }

  /** Those roots that stand; the others are named, and what the parent has of them is kept. */
  #standing(roots: readonly Target[]): Target[] {
    const standing = roots.filter((root) => {
      const known = this.#unreadable.size;
      const item = look(root, this.#options);
      if (item === undefined && this.#unreadable.size === known) this.#cannotRead(root, 'it is not there');
      return item !== undefined;
    });
    this.roots_readable = standing.length;
    this.#stood = new Map(standing.map((root) => [root, identityOf(root)]));
    return standing;
  }

  async #walkBeside(cursor: ParentCursor, target: Target): Promise<void> {
    for await (const batch of walk(target, this.#options)) {
      throwIfAborted(this.#request.signal);
      for (const item of batch) {
        if (!cursor.reaches(item.key)) await cursor.load(item.key);
        this.#report(item, cursor.take(item.key));
      }
      await this.#room();
    }
  }

  #report(item: WalkItem, before: Buffer | undefined): void {
    // A key is long, and new each time: it is not hashed for an empty set.
    if (this.#carried.size > 0 && this.#carried.has(item.key)) this.#sink.kept(item.key);
    else this.#sink.present(item, before);
  }

  #cursor(leaves: AsyncIterable<TreeItem[]>): ParentCursor {
    return new ParentCursor(leaves, {
      on_passed: (item) => this.#pass(item),
      room: () => this.#room(),
    });
  }

  #pass({ key, value }: TreeItem): void {
    if (this.#isKept(key)) this.#sink.kept(key);
    else this.#sink.gone(key, value);
  }

  async #room(): Promise<void> {
    await this.#sink.room();
    await this.#slice.rest();
  }

  #leaves(folder: string | undefined): AsyncIterable<TreeItem[]> {
    if (this.#parent_tree === undefined) return noLeaves();
    const { load } = this.#engine.nodes;
    return folder === undefined
      ? leavesFrom(load, this.#parent_tree)
      : subtreeLeaves(load, this.#parent_tree, folder);
  }

  async #before(key: string): Promise<Buffer | undefined> {
    if (this.#parent_tree === undefined) return undefined;
    return findValue(this.#engine.nodes.load, this.#parent_tree, key);
  }

  #isKept(key: string): boolean {
    if (this.#carried.has(key) || this.#carried_folders.has(key)) return true;
    if (this.#unreadable.size === 0) return false;
    if (this.#unreadable.has('') || this.#unreadable.has(key)) return true;
    for (const folder of ancestorsOf(key)) if (this.#unreadable.has(folder)) return true;
    return false;
  }

  #cannotRead(what: Target, reason: string): void {
    if (this.#unreadable.has(what.key)) return;
    this.#unreadable.add(what.key);
    this.#sink.unreadable(storedPath(what.path, this.#request.read_at), reason);
  }
}

/** Changes where another folder, or none that can be looked at, stands at the path. Files are replaced in normal life. */
function identityOf({ path }: Target): string | undefined {
  try {
    const { kind, dev_major, dev_minor, ino_low, ino_high } = statAt(path);
    return kind === 'directory' ? [dev_major, dev_minor, ino_high, ino_low].join() : 'no folder';
  } catch {
    // Gone, or on a disk or server that does not answer any more: this root is named, the others go on.
    return undefined;
  }
}

async function* noLeaves(): AsyncGenerator<TreeItem[]> {
  // Nothing came before.
}
