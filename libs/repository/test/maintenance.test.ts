import { join } from 'node:path';
import { createMemoryStore } from '@holdfast/storage/memory';
import { describe, expect, test } from '@jest/globals';
import type { Repository, Snapshot } from '../src/api.ts';
import { applyKeepPolicy } from '../src/deletion/keep-policy.ts';
import { openRepository } from '../src/open.ts';
import { hookStore } from './hooked-store.ts';
import {
  makeRepository,
  makeScratch,
  noise,
  problemsOf,
  requestOf,
  type Scratch,
  SECRET,
} from './support.ts';

const DAYS = Number(process.env['HOLDFAST_TEST_DAYS'] ?? 12);
const TIMEOUT_MS = 600_000;
const FILES = 1000;
const FILE_BYTES = 4000;
const CHURN = 0.01;
const HOUR_MS = 3_600_000;
const POLICY = { hourly: 24, daily: 7, weekly: 4, monthly: 12 };

/** Hours of a tree of small files, one in a hundred of which is another one every hour. */
class Churn {
  readonly #scratch: Scratch;
  readonly #repository: Repository;
  readonly #root: string;
  #kept: Snapshot[] = [];
  #hour = 0;
  /** By maintenance, and by the backups themselves. */
  rewritten_bytes = 0;
  stored_bytes = 0;
  #content = FILES;

  constructor(scratch: Scratch, repository: Repository) {
    this.#scratch = scratch;
    this.#repository = repository;
    this.#root = join(scratch.path, 'source');
    for (let n = 0; n < FILES; n += 1) this.#write(n, n);
  }

  async hour(): Promise<void> {
    const churned = Array.from({ length: FILES * CHURN }, (_, n) => (this.#hour * 7919 + n * 613) % FILES);
    const changes = churned.map((n) => this.#write(n, this.#content++));
    const { snapshot, stats } = await this.#repository.backup(
      requestOf(this.#root, this.#hour === 0 ? {} : { changes }),
    );
    this.stored_bytes += stats.bytes_stored;
    this.#hour += 1;
    this.#kept.push({ ...snapshot, time_ms: this.#hour * HOUR_MS });
  }

  /** What rotation does at the end of a day. */
  async day(): Promise<void> {
    for (let hour = 0; hour < 24; hour += 1) await this.hour();
    const verdicts = applyKeepPolicy(this.#kept, POLICY, Infinity);
    const goes = verdicts.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot.id);
    await this.#repository.forget(goes);
    this.#kept = verdicts.filter(({ keep }) => keep).map(({ snapshot }) => snapshot);
    this.rewritten_bytes += (await this.#repository.prune()).bytes_written;
  }

  #write(n: number, content: number): string {
    return this.#scratch.write(`source/${n % 20}/${n}`, noise(content, FILE_BYTES));
  }
}

describe(`maintenance, after ${DAYS} days in which one file in a hundred changes every hour`, () => {
  test(
    'has left at most 25 % waste, and a restore of the newest reads at most 1.5 times its bytes',
    async () => {
      using scratch = makeScratch();
      const { repository, store } = await makeRepository({ store: createMemoryStore() });
      await using _ = repository;
      const churn = new Churn(scratch, repository);
      for (let day = 0; day < DAYS; day += 1) await churn.day();
      const { bytes, bytes_wasted, packs } = await repository.prune({ dry_run: true });
      let read = 0;
      const counted = hookStore(store, async () => undefined);
      const reading = {
        ...counted,
        get: async (name: string, range?: { offset: number; length?: number }) => {
          const data = await counted.get(name, range);
          if (name.startsWith('packs/')) read += data.length;
          return data;
        },
      };
      await using reader = await openRepository(reading, SECRET);
      const target = join(scratch.path, 'target');
      const restored = await reader.restore({ snapshot_id: 'latest', target });
      process.stdout.write(
        `after ${DAYS} days: ${packs} packs, ${bytes} bytes, waste ${((100 * bytes_wasted) / bytes).toFixed(1)} %, read ${(read / restored.bytes).toFixed(2)} times, rewritten ${(churn.rewritten_bytes / churn.stored_bytes).toFixed(1)} times\n`,
      );
      expect(bytes_wasted / bytes).toBeLessThanOrEqual(0.25);
      expect(read / restored.bytes).toBeLessThanOrEqual(1.5);
      expect(await problemsOf(reader)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
