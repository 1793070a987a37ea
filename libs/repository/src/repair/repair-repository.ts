import type { CheckProblem, RepairRequest, RepairResult } from '../api.ts';
import { idsOf, type Survey, surveyStore } from '../check/check-repository.ts';
import { TreeCheck } from '../check/check-trees.ts';
import type { Engine } from '../engine.ts';
import { engineOf } from '../engine-of.ts';
import { fromStorage, throwIfAborted } from '../errors.ts';
import type { IndexedPack } from '../index/index-object.ts';
import { mustShareIds } from '../must-share-ids.ts';
import { packName } from '../pack/pack-name.ts';
import { readPackTable } from '../pack/pack-table.ts';
import { snapshotName } from '../snapshot/snapshot-object.ts';
import { ChunkMender } from './chunk-mender.ts';
import { mendDeletion } from './mend-deletion.ts';
import { replaceIndexes } from './replace-indexes.ts';
import { findSnapshots, restoredBefore, restoreSnapshots } from './restore-snapshots.ts';
import { deletePacks, forgetLost, markDamaged } from './set-aside.ts';
import { rescuePacks, salvagePacks } from './take-out-packs.ts';

/**
 * Mends what can be mended. The order is safety: marks, tombstones and pending objects first, so that writers can go on;
 * then what was found is stored and indexed, then snapshots come back, and only then damaged packs are deleted, by the
 * protocol of all deletions.
 */
export async function repairRepository(engine: Engine, request: RepairRequest): Promise<RepairResult> {
  try {
    const second = request.from === undefined ? undefined : engineOf(request.from);
    if (second !== undefined) mustShareIds(second, engine);
    await second?.index.refresh();
    const { on_progress, signal } = request;
    using survey = await surveyStore(engine, {
      read_data: true,
      read_unindexed: true,
      ...(on_progress !== undefined && { on_progress }),
      ...(signal !== undefined && { signal }),
    });
    // What follows is done here, one chunk after the other: with the threads' memory beside it would be much at once.
    await engine.pool.endIfIdle();
    return await new Repair(engine, survey, { request, second }).run();
  } catch (error) {
    throw fromStorage(error);
  }
}

class Repair {
  readonly #engine: Engine;
  readonly #survey: Survey;
  readonly #request: RepairRequest;
  readonly #second: Engine | undefined;
  readonly #mender: ChunkMender;
  readonly #nodes = new Set<string>();

  constructor(
    engine: Engine,
    survey: Survey,
    options: { request: RepairRequest; second: Engine | undefined },
  ) {
    this.#engine = engine;
    this.#survey = survey;
    this.#request = options.request;
    this.#second = options.second;
    const { live = false, dry_run = false } = options.request;
    this.#mender = new ChunkMender({ survey, second: options.second, live, dry_run });
  }

  async run(): Promise<RepairResult> {
    const damaged = this.#survey.findings.problems().map(({ object }) => object);
    const deletion_mended = await mendDeletion(this.#engine, damaged, { dry_run: this.#is_dry });
    // Before anything else: from now on no prune deletes a sound copy because a damaged pack seems to hold it too, and
    // snapshots that come back bring what they need of one with them.
    if (!this.#is_dry) await markDamaged(this.#engine, this.#badPacks());
    await this.#mendTrees();
    const dispensable = await salvagePacks(this.#survey, this.#mender, this.#isNode);
    const add = await this.#claimed(this.#packsToIndex());
    await this.#mender.finish();
    const change = { add, damaged: this.#uselessIndexes() };
    if (!this.#is_dry) await replaceIndexes(this.#engine, change);
    const restored = await this.#restoreSnapshots();
    const forgotten = await this.#forgetBroken(restored.map(({ lost }) => lost));
    const out = this.#is_dry ? dispensable : await deletePacks(this.#engine, dispensable);
    await this.#mender.close();
    const packs_indexed = change.add.map(({ id }) => id);
    const snapshots = [
      ...restored.map(({ lost }) => lost),
      ...restoredBefore(this.#engine, this.#survey),
      ...forgotten,
    ];
    const mended = [
      ...deletion_mended,
      ...out.map(packName),
      ...packs_indexed.map(packName),
      ...change.damaged,
    ];
    return {
      deletion_mended,
      packs_indexed,
      packs_taken_out: out,
      indexes_removed: change.damaged,
      chunks_from_second: this.#mender.from_second,
      chunks_from_live: this.#mender.from_live,
      chunks_salvaged: this.#mender.salvaged,
      snapshots_restored: restored,
      snapshots_forgotten: forgotten,
      bytes_stored: this.#mender.bytes_stored,
      problems: this.#leftOver(new Set([...mended, ...snapshots.map(snapshotName)])),
    };
  }

  get #is_dry(): boolean {
    return this.#request.dry_run ?? false;
  }

  /** Those that an index object names. */
  #badPacks(): string[] {
    const unindexed = idsOf(this.#survey.unindexed.packs);
    return [...this.#survey.findings.bad_packs].filter((id) => !unindexed.has(id));
  }

  /** Looks for every chunk that a snapshot needs and that is not to be had. */
  async #mendTrees(): Promise<void> {
    const { engine, findings, unindexed } = this.#survey;
    const trees = new TreeCheck({
      engine,
      findings,
      unindexed: idsOf(unindexed.packs),
      mender: this.#mender,
      on_node: (id) => {
        const places = engine.index.lookup.locate(id);
        if (places.some(({ pack }) => findings.bad_packs.has(pack))) this.#nodes.add(id.toString('hex'));
      },
    });
    for (const snapshot of this.#survey.snapshots) {
      throwIfAborted(this.#request.signal);
      await trees.check(snapshot);
    }
  }

  readonly #isNode = (id: Buffer): boolean => this.#nodes.has(id.toString('hex'));

  /**
   * Those that no prune is about to delete. As every writer does it: announced first, and then the marks are listed; who
   * deletes does it the other way round, so that at least one sees the other. What is in the marked ones is stored again.
   */
  async #claimed(packs: readonly IndexedPack[]): Promise<IndexedPack[]> {
    if (this.#is_dry || packs.length === 0) return [...packs];
    await this.#mender.announce(packs.map(({ id }) => id));
    await this.#engine.index.refreshMarks();
    const isMarked = ({ id }: IndexedPack) => this.#engine.index.isMarked(id);
    const marked = idsOf(packs.filter(isMarked));
    await rescuePacks(this.#survey, this.#mender, { packs: marked, is_node: this.#isNode });
    return packs.filter(({ id }) => !marked.has(id));
  }

  /** Sound packs that no index names and that hold what no other sound pack does. */
  #packsToIndex(): IndexedPack[] {
    const { findings, unindexed } = this.#survey;
    const unnamed = idsOf(unindexed.packs);
    return unindexed.packs.filter(
      (pack) => !findings.bad_packs.has(pack.id) && this.#isWanted(pack, unnamed),
    );
  }

  #isWanted(pack: IndexedPack, unnamed: ReadonlySet<string>): boolean {
    const { engine, findings } = this.#survey;
    for (const { prefix } of readPackTable(pack.table).chunks) {
      const is_elsewhere = engine.index.lookup
        .locate(prefix)
        .some((place) => !unnamed.has(place.pack) && !findings.bad_packs.has(place.pack));
      if (!is_elsewhere && !this.#mender.has(prefix)) return true;
    }
    return false;
  }

  /** Damaged index objects: all that stands is indexed anew, or nothing that is needed is missing. */
  #uselessIndexes(): string[] {
    const { engine, unindexed } = this.#survey;
    const is_all_known = unindexed.unreadable.length === 0 || !this.#mender.is_any_unmended;
    return is_all_known ? [...engine.index.damaged.keys()] : [];
  }

  async #restoreSnapshots(): Promise<RepairResult['snapshots_restored']> {
    if (this.#second === undefined) return [];
    for (const id of this.#is_dry ? [] : restoredBefore(this.#engine, this.#survey))
      await forgetLost(this.#engine, id);
    const found = await findSnapshots(this.#engine, this.#survey, this.#second);
    if (this.#is_dry) return found.map(({ lost }) => ({ lost, snapshot_id: null }));
    const restored = await restoreSnapshots(this.#engine, this.#second, found);
    for (const { lost } of restored) await forgetLost(this.#engine, lost);
    return restored;
  }

  async #forgetBroken(restored: readonly string[]): Promise<string[]> {
    if (!this.#request.forget_broken) return [];
    const { damaged_snapshots, missing_snapshots } = this.#survey;
    const broken = [...damaged_snapshots, ...missing_snapshots].filter((id) => !restored.includes(id));
    if (!this.#is_dry) for (const id of broken) await forgetLost(this.#engine, id);
    return broken;
  }

  /** What people have to know of still. */
  #leftOver(mended: ReadonlySet<string>): CheckProblem[] {
    const unindexed = new Set(this.#survey.unindexed.packs.map(({ id }) => packName(id)));
    return this.#survey.findings
      .problems()
      .filter(({ object, harmless }) => !mended.has(object) && !(unindexed.has(object) && harmless));
  }
}
