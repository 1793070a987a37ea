import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createLots } from '@holdfast/storage/faulty';
import { openBlobStore } from '@holdfast/storage/open-blob-store';
import type { Repository } from '../../src/api.ts';
import { initRepository } from '../../src/open.ts';
import { type Content, contentOf, noise, problemsOf, SECRET } from '../support.ts';
import { loseCache, openIn, pick, SOURCES, VERB_NAMES, type Verb } from './verbs.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const FILES = 40;
const SIZES = [0, 200, 3000, 20_000, 20_000, 300_000];
const VERBS_A_RUN = 4;
/** Backups more often, so that there is something to lose. */
const LOTS: readonly Verb[] = [...VERB_NAMES, 'backup', 'backup'];
const FIRST_GUESS_MS = 150;
const ROUNDS = 1000;

/** A line of the child. */
interface Said {
  readonly begins?: Verb;
  readonly done?: Verb;
  readonly forgets?: readonly string[];
  readonly snapshot?: string;
}

/** Runs that are killed one after the other over one repository, and what must stand after each. */
export class Campaign {
  readonly kills = new Map<Verb, number>();
  snapshots_restored = 0;
  readonly #folder: string;
  readonly #seed: number;
  readonly #draw: () => number;
  /** What a source held in a run, by `<run> <source>`. */
  readonly #contents = new Map<string, Content>();
  readonly #reported = new Set<string>();
  readonly #forgotten = new Set<string>();
  readonly #durations_ms = new Map<Verb, number>();
  #run = 0;

  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.#seed = seed;
    this.#draw = createLots(seed);
  }

  get snapshots_reported(): number {
    return this.#reported.size;
  }

  /** Makes both repositories. */
  async begin(): Promise<void> {
    const store = openBlobStore(join(this.#folder, 'main'));
    await (await initRepository(store, SECRET, { rounds: ROUNDS }))[Symbol.asyncDispose]();
    const options = { rounds: ROUNDS, ids_of: { store, secret: SECRET } };
    const copy = openBlobStore(join(this.#folder, 'copy'));
    await (await initRepository(copy, SECRET, options))[Symbol.asyncDispose]();
  }

  /** One run, killed at a random moment, and a look at everything after it. Rejects with what is wrong. */
  async play(): Promise<void> {
    this.#run += 1;
    this.#edit();
    const verbs = Array.from({ length: VERBS_A_RUN }, () => pick(LOTS, this.#draw));
    let victim = Math.floor(this.#draw() * VERBS_A_RUN);
    const is_harmed = verbs[victim] === 'repair';
    if (is_harmed) {
      // What is damaged is mended first: others refuse to work on it.
      await this.#harm();
      [verbs[0], verbs[victim], victim] = ['repair', verbs[0] as Verb, 0];
    }
    if (this.#draw() < 0.1) loseCache(this.#folder, 'main');
    try {
      await this.#killed(verbs, victim);
      await this.#expectAllSound(is_harmed);
    } catch (error) {
      throw new Error(
        `seed ${this.#seed}, run ${this.#run}, killed in ${verbs[victim]} of ${verbs.join(', ')}`,
        {
          cause: error,
        },
      );
    }
  }

  #edit(): void {
    for (const source of SOURCES) {
      const root = join(this.#folder, source);
      for (let edits = this.#run === 1 ? FILES : 4; edits > 0; edits -= 1) {
        const file = join(root, `${edits % 5}`, `${Math.floor(this.#draw() * FILES)}`);
        mkdirSync(dirname(file), { recursive: true });
        if (this.#draw() < 0.15) rmSync(file, { force: true });
        else writeFileSync(file, noise(Math.floor(this.#draw() * 200), pick(SIZES, this.#draw)));
      }
      this.#contents.set(`${this.#run} ${source}`, contentOf(root));
    }
  }

  /** One byte of a pack or an index object is flipped, of which the copy has everything. */
  async #harm(): Promise<void> {
    {
      await using main = await openIn(this.#folder, 'main');
      await using copy = await openIn(this.#folder, 'copy');
      await copy.copy_from(main);
    }
    const kind = pick(['packs', 'packs', 'indexes'], this.#draw);
    const files = filesBelow(join(this.#folder, 'main', kind));
    if (files.length === 0) return;
    const file = pick(files, this.#draw);
    const data = readFileSync(file);
    const at = Math.floor(this.#draw() * data.length);
    data[at] = (data[at] ?? 0) ^ 0x10;
    rmSync(file);
    writeFileSync(file, data);
  }

  async #killed(verbs: readonly Verb[], victim: number): Promise<void> {
    const job = { folder: this.#folder, run: this.#run, seed: this.#seed + this.#run, verbs };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const closed = once(child, 'close');
    const progress = { begun: -1, since_ms: 0 };
    for await (const line of createInterface({ input: child.stdout })) {
      if (!this.#hear(JSON.parse(line), progress) || progress.begun !== victim) continue;
      this.#killSoon(child, verbs[victim] as Verb);
    }
    const [code, signal] = await closed;
    if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the child failed by itself: ${said}`);
    const verb = verbs[Math.max(progress.begun, 0)] as Verb;
    if (signal === 'SIGKILL') this.kills.set(verb, (this.kills.get(verb) ?? 0) + 1);
  }

  /** True where a verb begins. */
  #hear({ begins, done, forgets, snapshot }: Said, progress: { begun: number; since_ms: number }): boolean {
    for (const id of forgets ?? []) this.#forgotten.add(id);
    if (snapshot !== undefined) this.#reported.add(snapshot);
    if (done !== undefined) this.#learn(done, performance.now() - progress.since_ms);
    if (begins === undefined) return false;
    progress.begun += 1;
    progress.since_ms = performance.now();
    return true;
  }

  #learn(verb: Verb, ms: number): void {
    const known = this.#durations_ms.get(verb) ?? ms;
    this.#durations_ms.set(verb, known * 0.8 + ms * 0.2);
  }

  /** At any moment of what a verb takes, and a little after. */
  #killSoon(child: ChildProcess, verb: Verb): void {
    const wait_ms = this.#draw() * 1.2 * (this.#durations_ms.get(verb) ?? FIRST_GUESS_MS);
    setTimeout(() => child.kill('SIGKILL'), wait_ms);
  }

  async #expectAllSound(is_harmed: boolean): Promise<void> {
    await using main = await openIn(this.#folder, 'main');
    await using copy = await openIn(this.#folder, 'copy');
    if (is_harmed) await main.repair({ from: copy });
    const problems = [...(await problemsOf(main)), ...(await problemsOf(copy))];
    if (problems.length > 0) throw new Error(`check: ${JSON.stringify(problems.slice(0, 5))}`);
    const standing = new Set((await main.snapshots()).map(({ id }) => id));
    const lost = [...this.#reported].filter((id) => !standing.has(id) && !this.#forgotten.has(id));
    if (lost.length > 0) throw new Error(`reported, and do not stand: ${lost.join(', ')}`);
    await this.#restoreAll(main);
    await this.#restoreAll(copy, 1);
  }

  async #restoreAll(repository: Repository, snapshots_max = Number.POSITIVE_INFINITY): Promise<void> {
    for (const { id, metadata, roots } of (await repository.snapshots()).slice(0, snapshots_max)) {
      const target = join(this.#folder, 'target');
      rmSync(target, { recursive: true, force: true });
      const { failed } = await repository.restore({ snapshot_id: id, target });
      if (failed.length > 0) throw new Error(`${id} restores without ${JSON.stringify(failed)}`);
      const wanted = this.#contents.get(`${metadata['run']} ${metadata['source']}`);
      const restored = contentOf(join(target, roots[0] ?? ''));
      if (JSON.stringify(restored) !== JSON.stringify(wanted))
        throw new Error(`${id} restores to something else`);
      this.snapshots_restored += 1;
    }
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
