import type { EventData } from '@holdfast/contracts/catalog';
import { newId } from '@holdfast/event-store/new-event';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import { isWithin } from '@holdfast/runtime/path-pattern';
import type { Territory } from '../adapters/territory.ts';
import type { ToldExpectations } from '../adapters/told-expectations.ts';
import type { InspectionWorker } from '../adapters/worker-client.ts';
import {
  decideExpectation,
  type Expectation,
  reasonsOf,
  type ToldExpectation,
  type UnmetReason,
} from '../domain/expectation/expectation.ts';
import type { Ledger } from './ledger.ts';
import type { RootGuard } from './root-guard.ts';

export interface ExpectationsParts {
  readonly host: string;
  readonly clock: Clock;
  readonly territory: Territory;
  readonly roots: RootGuard;
  readonly ledger: Ledger;
  readonly walker: InspectionWorker;
  readonly database: string;
  readonly told: ToldExpectations;
  readonly every_ms: number;
  fail(error: unknown): void;
}

interface Checked {
  readonly expected: Expectation;
  readonly reasons: readonly UnmetReason[];
  readonly files: number;
  readonly newest_ms: number | null;
}

/** Compares what sources say must be there with the registry, as often as names are; tells what is not, once, and its end. */
export class Expectations {
  readonly #parts: ExpectationsParts;
  readonly #expected: readonly (Expectation & { readonly root: string })[];
  /** Unmet without an interruption since then. */
  readonly #since = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(parts: ExpectationsParts) {
    this.#parts = parts;
    this.#expected = parts.territory.sources.flatMap(({ name, config }) =>
      config.expected_patterns.map(({ pattern, min_count, max_age }) => ({
        ...{ source: name, pattern, min_count, max_age_ms: max_age },
        root: config.root ?? process.cwd(),
      })),
    );
  }

  /** After the first walk: before it nothing is known. */
  begin(): void {
    this.#round().catch((error) => this.#stopped || this.#parts.fail(error));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Those that are not met now. Of a source whose folder is away nothing is said. */
  async check(): Promise<Checked[]> {
    const { walker, database, clock } = this.#parts;
    const expected = this.#expected.filter(({ root }) => !this.#isAway(root));
    if (expected.length === 0) return [];
    const found = await walker.ask('expect', { database, patterns: expected });
    const now_ms = clock.now_ms();
    return expected.flatMap((one, index) => {
      const { files, newest_ms } = found[index] ?? { files: 0, newest_ms: null };
      return [{ expected: one, files, newest_ms, reasons: reasonsOf(one, { files, newest_ms }, now_ms) }];
    });
  }

  #isAway(root: string): boolean {
    const { territory, roots } = this.#parts;
    const standing = new Set(roots.standing());
    return territory.roots.some(
      (folder) => (isWithin(folder, root) || isWithin(root, folder)) && !standing.has(folder),
    );
  }

  async #round() {
    const checked = await this.check();
    if (this.#stopped) return;
    const told = this.#parts.told.all();
    this.#clearUnknown(told);
    for (const one of checked)
      this.#decide(
        one,
        told.find((known) => keyOf(known) === keyOf(one.expected)),
      );
    if (this.#expected.length === 0) return;
    this.#cancel = this.#parts.clock.after(this.#parts.every_ms, () => this.begin());
  }

  #decide(checked: Checked, told: ToldExpectation | undefined) {
    const { clock, every_ms } = this.#parts;
    const key = keyOf(checked.expected);
    const now_ms = clock.now_ms();
    const { reasons } = checked;
    const waited = { since_ms: this.#since.get(key), grace_ms: every_ms };
    const next = decideExpectation({ reasons, told: told !== undefined, now_ms }, waited);
    if (next === 'wait') this.#since.set(key, waited.since_ms ?? now_ms);
    else this.#since.delete(key);
    if (next === 'tell') {
      const { source, pattern } = checked.expected;
      this.#tell(checked, {
        source,
        pattern,
        correlationid: newId(now_ms),
        started_ms: waited.since_ms ?? now_ms,
      });
    }
    if (next === 'clear' && told !== undefined) this.#clear(told, checked);
  }

  #tell(checked: Checked, told: ToldExpectation) {
    this.#send(told, { ...this.#dataOf(checked), started_at: timestamp(told.started_ms) }, () =>
      this.#parts.told.add(told),
    );
  }

  #clear(told: ToldExpectation, checked: Checked) {
    const times = {
      started_at: timestamp(told.started_ms),
      cleared_at: timestamp(this.#parts.clock.now_ms()),
    };
    this.#send(told, { ...this.#dataOf(checked), ...times }, () => this.#parts.told.remove(told));
  }

  /** The configuration expects it no longer. */
  #clearUnknown(told: readonly ToldExpectation[]) {
    const known = new Set(this.#expected.map(keyOf));
    for (const one of told.filter((each) => !known.has(keyOf(each)))) {
      const { source, pattern } = one;
      this.#clear(one, {
        expected: { source, pattern, min_count: 0 },
        reasons: [],
        files: 0,
        newest_ms: null,
      });
    }
  }

  #send(told: ToldExpectation, data: EventData<'ExpectationViolated'>, also: () => void) {
    const { correlationid, source, pattern } = told;
    this.#parts.ledger.tell('ExpectationViolated', `${source}/${pattern}`, { data, correlationid, also });
  }

  #dataOf({ expected, reasons, files, newest_ms }: Checked) {
    const { source, pattern, min_count, max_age_ms } = expected;
    return {
      ...{ host: this.#parts.host, source, pattern, reasons: [...reasons], files, min_count },
      ...(max_age_ms !== undefined && { max_age_ms }),
      newest_at: newest_ms === null ? null : timestamp(newest_ms),
    };
  }
}

function keyOf({ source, pattern }: Pick<Expectation, 'source' | 'pattern'>): string {
  return `${source}\0${pattern}`;
}
