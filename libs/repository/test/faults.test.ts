import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '@holdfast/storage/blob-store';
import { createFaultyStore, type FaultyStore, seededFaults } from '@holdfast/storage/faulty';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Repository } from '../src/api.ts';
import { isRepositoryError } from '../src/errors.ts';
import { openRepository } from '../src/open.ts';
import {
  type Content,
  contentOf,
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

/** Given by hand to repeat a run or to try many: fast-check prints the seed where it fails. */
const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env['HOLDFAST_TEST_RUNS'] ?? 15);

const NAMES = ['a', 'b', 'c', 'd/e', 'd/f', 'd/g/h', 'i/j', 'k'];
/** Threads are started for every history: on a machine with other work that takes its time. */
const TIMEOUT_MS = 180_000;
const SIZES = [0, 10, 3000, 300_000];

const edit = fc.record({
  name: fc.constantFrom(...NAMES),
  action: fc.constantFrom('write', 'write', 'remove'),
  size: fc.constantFrom(...SIZES),
  content: fc.nat(5),
});
const step = fc.record({
  writer: fc.nat(1),
  edits: fc.array(edit, { maxLength: 6 }),
  how: fc.constantFrom('walk', 'walk', 'full', 'changes'),
  reopen: fc.boolean(),
});
const history = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 8 }),
  seed: fc.nat(),
  chance: fc.constantFrom(0.01, 0.05, 0.15, 0.3),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What every attempt to back up found on disk, and which of them were reported as done. */
interface Told {
  readonly attempts: Content[];
  readonly reported: Map<string, number>;
}

/** Two hosts that back up into one faulty store, each from its own folder, with what they remember between backups. */
class Writers implements AsyncDisposable {
  readonly told: Told = { attempts: [], reported: new Map() };
  readonly #scratch: Scratch;
  readonly #store: FaultyStore;
  readonly #open: (Repository | undefined)[] = [undefined, undefined];

  constructor(scratch: Scratch, store: FaultyStore) {
    this.#scratch = scratch;
    this.#store = store;
  }

  async take({ writer, edits, how, reopen }: Step): Promise<void> {
    const root = join(this.#scratch.path, `source-${writer}`);
    mkdirSync(root, { recursive: true });
    const changes = edits.map((one) => this.#edit(`source-${writer}`, one));
    const attempt = this.told.attempts.push(contentOf(root)) - 1;
    try {
      const repository = await this.#writer(writer, reopen);
      const { snapshot } = await repository.backup(
        requestOf(root, {
          host: `host-${writer}`,
          metadata: () => ({ attempt }),
          full: how === 'full',
          ...(how === 'changes' && { changes: await this.#changesFor(repository, writer, changes) }),
        }),
      );
      this.told.reported.set(snapshot.id, attempt);
    } catch (error) {
      // It may fail, but in a way that callers know.
      if (!isRepositoryError(error)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const repository of this.#open) await repository?.[Symbol.asyncDispose]();
  }

  #edit(source: string, { name, action, size, content }: Step['edits'][number]): string {
    const path = join(this.#scratch.path, source, name);
    if (action === 'remove') rmSync(path, { force: true });
    else this.#scratch.write(`${source}/${name}`, noise(content, size));
    return path;
  }

  /** A handle that stays open over failures, or a fresh one as after a restart. */
  async #writer(writer: number, reopen: boolean): Promise<Repository> {
    const known = this.#open[writer];
    if (known !== undefined && !reopen) return known;
    const cache_dir = join(this.#scratch.path, `cache-${writer}`);
    mkdirSync(cache_dir, { recursive: true });
    const opened = await openRepository(this.#store, SECRET, { cache_dir });
    await known?.[Symbol.asyncDispose]();
    this.#open[writer] = opened;
    return opened;
  }

  /** Who names changes names all since the parent; the paths of edits that failed to be kept are among them. */
  async #changesFor(repository: Repository, writer: number, now: readonly string[]): Promise<string[]> {
    const [parent] = await repository.snapshots({ host: `host-${writer}` });
    const root = join(this.#scratch.path, `source-${writer}`);
    return parent === undefined ? [root] : [...now, ...NAMES.map((name) => join(root, name))];
  }
}

/** Every snapshot that can be seen restores to what its attempt found, and every one that was reported can be seen. */
async function expectAllKept(clean: BlobStore, scratch: Scratch, told: Told): Promise<void> {
  await using repository = await openRepository(clean, SECRET);
  const snapshots = await repository.snapshots();
  expect(snapshots.map(({ id }) => id)).toEqual(expect.arrayContaining([...told.reported.keys()]));
  for (const { id, metadata, roots } of snapshots) {
    const attempt = metadata['attempt'] as number;
    const target = join(scratch.path, `target-${id}`);
    const { failed } = await repository.restore({ snapshot_id: id, target });
    expect(failed).toEqual([]);
    expect(contentOf(join(target, roots[0] ?? ''))).toEqual(told.attempts[attempt]);
  }
}

describe('over a store that fails, lies and forgets', () => {
  test(
    'a backup that was reported restores byte-identical, and no other snapshot is damaged',
    async () => {
      const reached = { reported: 0, failed: 0, faults: new Set<string>() };
      const property = fc.asyncProperty(history, async ({ steps, seed, chance }) => {
        using scratch = makeScratch();
        const { repository, store: clean } = await makeRepository();
        await repository[Symbol.asyncDispose]();
        const faulty = createFaultyStore(clean, seededFaults(seed, chance));
        await using writers = new Writers(scratch, faulty);
        for (const one of steps) await writers.take(one);
        await expectAllKept(clean, scratch, writers.told);
        const torn = faulty.happened
          .filter(({ fault }) => fault === 'middle')
          .map(({ operation }) => operation.name);
        await using checker = await openRepository(clean, SECRET);
        const problems = await problemsOf(checker);
        expect(problems.filter(({ object }) => !torn.includes(object))).toEqual([]);
        reached.reported += writers.told.reported.size;
        reached.failed += writers.told.attempts.length - writers.told.reported.size;
        for (const { operation, fault } of faulty.happened) reached.faults.add(`${operation.kind} ${fault}`);
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
      // Else it would prove nothing.
      expect(reached.reported).toBeGreaterThan(RUNS / 2);
      expect(reached.failed).toBeGreaterThan(RUNS / 2);
      expect(reached.faults.size).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );

  test(
    'a restore gives the bytes that were stored, or names what it could not restore',
    async () => {
      using scratch = makeScratch();
      for (const [index, name] of NAMES.entries()) {
        scratch.write(`source/${name}`, noise(index, SIZES[index % SIZES.length] ?? 0));
      }
      const root = join(scratch.path, 'source');
      const { repository, store: clean } = await makeRepository();
      await using _ = repository;
      const { snapshot } = await repository.backup(requestOf(root));
      const stored = contentOf(root);
      const outcomes = new Set<string>();
      const property = fc.asyncProperty(fc.nat(), fc.constantFrom(0.02, 0.1, 0.3), async (seed, chance) => {
        const target = join(scratch.path, 'target');
        rmSync(target, { recursive: true, force: true });
        try {
          await using reader = await openRepository(
            createFaultyStore(clean, seededFaults(seed, chance)),
            SECRET,
          );
          const { failed } = await reader.restore({ snapshot_id: snapshot.id, target });
          const lost = new Set(failed.map(({ path }) => path.slice(root.length)));
          const wanted = Object.entries(stored).filter(([path]) => !lost.has(path));
          expect(contentOf(join(target, root))).toEqual(Object.fromEntries(wanted));
          outcomes.add(failed.length === 0 ? 'whole' : 'in part');
        } catch (error) {
          if (!isRepositoryError(error)) throw error;
          outcomes.add('refused');
        }
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS * 3 });
      expect(outcomes.size).toBeGreaterThan(1);
    },
    TIMEOUT_MS,
  );
});
