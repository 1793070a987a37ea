import type { EventData } from '@holdfast/contracts/catalog';
import type { FileRegistry } from '../adapters/registry.ts';
import type { SignTable } from '../adapters/sign-table.ts';
import type { Territory } from '../adapters/territory.ts';
import type { Draft } from '../domain/file-inventory/state.ts';
import { type Alarm, assess, SIGN_AGE_MAX_MS } from '../domain/mass-change/assess.ts';
import type { Shape } from '../domain/mass-change/shape.ts';
import { type Sign, signOf } from '../domain/mass-change/sign.ts';

/** One alarm tells of an attack: another comes only when there was no sign for so long. */
const QUIET_MS = 3_600_000;
const EXAMPLES_MAX = 10;

/** What the bytes that were read look like, by path. */
export type Shapes = ReadonlyMap<string, Shape>;

export interface MassWatchParts {
  readonly host: string;
  readonly territory: Pick<Territory, 'isCanary'>;
  readonly registry: Pick<FileRegistry, 'get'>;
  readonly signs: SignTable;
}

/** Tells an attack from ordinary work by what many changes have in common. */
export class MassWatch {
  readonly #parts: MassWatchParts;
  /** Of sources with an alarm: when they last gave a sign. */
  readonly #alarmed = new Map<string, number>();

  constructor(parts: MassWatchParts) {
    this.#parts = parts;
  }

  /** Takes in what was decided, inside its transaction and before its rows are; gives the alarms that it raises. */
  judge(drafts: readonly Draft[], shapes: Shapes, now_ms: number): EventData<'MassChangeDetected'>[] {
    const found = drafts.flatMap((draft) => this.#signOf(draft, shapes, now_ms) ?? []);
    const alarms: EventData<'MassChangeDetected'>[] = [];
    for (const [source, signs] of Map.groupBy(found, (sign) => sign.source)) {
      const alarm = this.#take(source, signs, now_ms);
      if (alarm !== undefined) alarms.push(toData(this.#parts.host, source, alarm));
    }
    return alarms;
  }

  #signOf(draft: Draft, shapes: Shapes, at_ms: number): Sign | undefined {
    const { registry, territory } = this.#parts;
    return signOf(draft, {
      at_ms,
      shape: shapes.get(draft.subject),
      isCanary: territory.isCanary,
      isKnown: (path) => registry.get(path) !== undefined,
    });
  }

  #take(source: string, found: readonly Sign[], now_ms: number): Alarm | undefined {
    const { signs } = this.#parts;
    const last_ms = this.#alarmed.get(source) ?? signs.alarmedUntil(source);
    // A clock that was set back does not keep the next alarm away.
    if (last_ms !== null && now_ms - last_ms < QUIET_MS && now_ms >= last_ms) {
      this.#alarmed.set(source, now_ms);
      return undefined;
    }
    for (const sign of found) signs.add(sign);
    const alarm = assess(
      signs.of(source).filter(({ at_ms }) => now_ms - at_ms <= SIGN_AGE_MAX_MS),
      now_ms,
    );
    if (alarm === undefined) return undefined;
    signs.clear(source);
    signs.setAlarmed(source, now_ms);
    this.#alarmed.set(source, now_ms);
    return alarm;
  }
}

function toData(host: string, source: string, alarm: Alarm): EventData<'MassChangeDetected'> {
  const { signs, window_ms, score, reasons } = alarm;
  const entropies = signs.flatMap(({ entropy }) => entropy ?? []);
  const kinds = Object.entries(Object.groupBy(signs, ({ kind }) => kind)).map(([kind, same]) => [
    kind,
    same.length,
  ]);
  return {
    host,
    source,
    window_ms,
    files: new Set(signs.map(({ path }) => path)).size,
    bytes: signs.reduce((sum, { bytes }) => sum + bytes, 0),
    kinds: Object.fromEntries(kinds),
    entropy_mean:
      entropies.length === 0 ? null : entropies.reduce((sum, bits) => sum + bits, 0) / entropies.length,
    score,
    verdict: 'alarm',
    reasons: [...reasons],
    examples: signs.slice(0, EXAMPLES_MAX).map(({ path }) => path),
    started_at: new Date(Math.min(...signs.map(({ at_ms }) => at_ms))).toISOString(),
  };
}
