import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Repository } from '../src/api.ts';
import { isRepositoryError } from '../src/errors.ts';
import { openRepository } from '../src/open.ts';
import { sealRevocation, snapshotName } from '../src/snapshot/snapshot-object.ts';
import { hookStore } from './hooked-store.ts';
import { keysOf, makeRepository, makeScratch, noise, problemsOf, requestOf, SECRET } from './support.ts';

const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env['HOLDFAST_TEST_RUNS'] ?? 40);
const TIMEOUT_MS = 300_000;

/** Contents are few, so that writers come to rely on what others have stored and somebody forgets. */
const round = fc.record({
  /** For each of two writers: which of the contents its two files get. */
  contents: fc.tuple(fc.tuple(fc.nat(3), fc.nat(3)), fc.tuple(fc.nat(3), fc.nat(3))),
  /** Which snapshots are forgotten while they write, counted from the oldest. */
  forgets: fc.array(fc.nat(3), { maxLength: 2 }),
  pruners: fc.integer({ min: 1, max: 2 }),
  revokes: fc.boolean(),
});
type Round = typeof round extends fc.Arbitrary<infer Value> ? Value : never;

interface Actor {
  readonly repository: Repository;
  readonly store: BlobStore;
}

/** Several hosts, each with a handle and a cache of its own; the scheduler decides whose operation comes next. */
class World implements AsyncDisposable {
  readonly reported = new Map<string, string[]>();
  readonly forgotten = new Set<string>();
  readonly refused: unknown[] = [];
  readonly #store: BlobStore;
  readonly #folder: string;
  readonly #actors = new Map<string, Actor>();
  #scheduler: fc.Scheduler | undefined;

  constructor(store: BlobStore, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  async open(name: string): Promise<Actor> {
    const known = this.#actors.get(name);
    if (known !== undefined) return known;
    const cache_dir = join(this.#folder, `cache-${name}`);
    mkdirSync(cache_dir);
    const store = hookStore(this.#store, async (operation, object) => {
      await this.#scheduler?.schedule(Promise.resolve(), `${name}: ${operation} ${object.slice(0, 14)}`);
    });
    const actor = { repository: await openRepository(store, SECRET, { cache_dir }), store };
    this.#actors.set(name, actor);
    return actor;
  }

  /** All that one round asks for, at once. */
  async play(scheduler: fc.Scheduler, { contents, forgets, pruners, revokes }: Round): Promise<void> {
    const names = ['writer-0', 'writer-1', 'pruner-0', 'pruner-1', 'forgetter'];
    const actors = await Promise.all(names.map((name) => this.open(name)));
    const of = (index: number) => actors[index] as Actor;
    this.#scheduler = scheduler;
    const work = [
      ...contents.map((files, writer) => this.#backup(of(writer).repository, { writer, files })),
      ...Array.from({ length: pruners }, (_, pruner) => this.#prune(of(2 + pruner).repository, revokes)),
      this.#forget(of(4).repository, forgets),
      ...(revokes ? [this.#revoke(of(4).store)] : []),
    ];
    await scheduler.waitFor(Promise.all(work));
    this.#scheduler = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { repository } of this.#actors.values()) await repository[Symbol.asyncDispose]();
  }

  async #backup(repository: Repository, { writer, files }: { writer: number; files: readonly number[] }) {
    const root = join(this.#folder, `source-${writer}`);
    mkdirSync(root, { recursive: true });
    for (const [n, content] of files.entries()) writeFileSync(join(root, `${n}`), noise(content, 3000));
    const { snapshot } = await repository.backup(requestOf(root, { host: `host-${writer}` }));
    this.reported.set(snapshot.id, contentsOf(root));
  }

  async #prune(repository: Repository, revokes: boolean): Promise<void> {
    try {
      await repository.prune(revokes ? { revoke_after_ms: 0 } : {});
    } catch (error) {
      // What it meant to read was taken away by the other one: it refuses, and deletes nothing.
      if (!isRepositoryError(error, 'repo_damaged')) throw error;
      this.refused.push(error);
    }
  }

  async #forget(repository: Repository, which: readonly number[]): Promise<void> {
    const oldest_first = (await repository.snapshots()).reverse();
    for (const at of which) {
      const id = oldest_first[at]?.id;
      if (id === undefined || this.forgotten.has(id)) continue;
      this.forgotten.add(id);
      await repository.forget([id]);
    }
  }

  /** Takes a place that somebody has announced. */
  async #revoke(store: BlobStore): Promise<void> {
    const keys = await keysOf(this.#store);
    for (const name of await Array.fromAsync(store.names('pending/'))) {
      const snapshot_id = name.slice(8, 40);
      await store.put(snapshotName(snapshot_id), sealRevocation(keys, snapshot_id, 0));
    }
  }
}

function contentsOf(root: string): string[] {
  return readdirSync(root)
    .sort()
    .map((name) => readFileSync(join(root, name), 'hex'));
}

async function expectNothingLost(store: BlobStore, world: World, folder: string): Promise<void> {
  await using reader = await openRepository(store, SECRET);
  expect(await problemsOf(reader)).toEqual([]);
  const standing = await reader.snapshots();
  const wanted = [...world.reported.keys()].filter((id) => !world.forgotten.has(id));
  expect(standing.map(({ id }) => id).sort()).toEqual(wanted.sort());
  for (const { id, roots } of standing) {
    const target = join(folder, 'target');
    rmSync(target, { recursive: true, force: true });
    expect((await reader.restore({ snapshot_id: id, target })).failed).toEqual([]);
    expect(contentsOf(join(target, roots[0] ?? ''))).toEqual(world.reported.get(id));
  }
}

describe('two writers, two pruners, one who forgets and one who revokes, in any order', () => {
  test(
    'lose nothing that a standing snapshot needs',
    async () => {
      let [refusals, deleted] = [0, 0];
      const rounds = fc.array(round, { minLength: 2, maxLength: 4 });
      const property = fc.asyncProperty(fc.scheduler(), rounds, async (scheduler, played) => {
        using scratch = makeScratch();
        const { repository, store } = await makeRepository({ store: createMemoryStore() });
        await repository[Symbol.asyncDispose]();
        await using world = new World(store, scratch.path);
        for (const one of played) {
          await world.play(scheduler, one);
          await expectNothingLost(store, world, scratch.path);
        }
        refusals += world.refused.length;
        deleted += (await Array.fromAsync(store.names('marks/'))).length;
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
      // Else it would prove nothing.
      expect(deleted).toBeGreaterThan(RUNS / 4);
      expect(refusals).toBeLessThan(RUNS * 4);
    },
    TIMEOUT_MS,
  );
});
