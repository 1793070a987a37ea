import type { DatabaseSync } from 'node:sqlite';
import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import type { ScheduleConfig } from '@holdfast/contracts/schedule';
import type { Schedule } from '../../domain/schedule/state.ts';

/** How far one obligation has come. */
export interface ObligationRow {
  readonly done_ms: number;
  readonly overdue_ms: number | null;
}

/** The schedules, folded from events, and how far they have come. Writers hold the transaction. */
export interface ScheduleTable {
  /** Takes in a change; one that is older than what is known changes nothing. Other events are ignored. */
  apply(event: HoldfastEvent): void;
  list(): Schedule[];
  get(name: string): Schedule | undefined;
  /** Of the last change, also of one that is gone; 0: there was none. */
  version(name: string): number;
  /** What the configuration file said of it when it was last read; null: nothing. */
  configured(name: string): ScheduleConfig | null;
  setConfigured(name: string, config: ScheduleConfig | null): void;
  /** Slots up to this one are over. */
  advance(name: string, slot_ms: number): void;
  /** Null schedule: the frequency of the source itself. Undefined where nothing is known. */
  obligation(schedule: string | null, source: string): ObligationRow | undefined;
  done(schedule: string | null, source: string, at_ms: number): void;
  setOverdue(schedule: string | null, source: string, at_ms: number | null): void;
  /** The id of this instance: the same as long as its database lives. */
  readonly instance: string;
}

interface Row extends Omit<Schedule, 'config'> {
  readonly config: string;
  readonly configured: string | null;
}

const PUT = `
  INSERT INTO schedules (name, config, origin, version, modified_ms, last_slot_ms, is_removed)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET config = excluded.config, origin = excluded.origin, version = excluded.version,
    modified_ms = excluded.modified_ms, last_slot_ms = excluded.last_slot_ms, is_removed = excluded.is_removed
  WHERE excluded.version > schedules.version`;

/** Schedules in SQLite. */
export function createScheduleTable(db: DatabaseSync): ScheduleTable {
  const { instance } = db.prepare('SELECT instance FROM identity').get() as { instance: string };
  const put = db.prepare(PUT);
  const all = db.prepare('SELECT * FROM schedules WHERE is_removed = 0 ORDER BY name');
  const one = db.prepare('SELECT * FROM schedules WHERE name = ?');
  const setConfigured = db.prepare('UPDATE schedules SET configured = ? WHERE name = ?');
  const advance = db.prepare('UPDATE schedules SET last_slot_ms = ? WHERE name = ?');
  let known: Schedule[] | undefined;
  const row = (name: string) => one.get(name) as (Row & { is_removed: number }) | undefined;
  return {
    instance,
    apply: (event) => {
      if (event.type !== 'ScheduleModified') return;
      const { name, schedule, previous, origin } = event.data;
      known = undefined;
      const at_ms = Date.parse(event.time);
      const config = JSON.stringify(schedule ?? previous ?? {});
      put.run(name, config, origin, event.aggregateversion, at_ms, at_ms, schedule === null ? 1 : 0);
    },
    list: () => (known ??= (all.all() as unknown as Row[]).map(toSchedule)),
    get: (name) => {
      const found = row(name);
      return found === undefined || found.is_removed === 1 ? undefined : toSchedule(found);
    },
    version: (name) => row(name)?.version ?? 0,
    configured: (name) => JSON.parse(row(name)?.configured ?? 'null'),
    setConfigured: (name, config) => void setConfigured.run(config && JSON.stringify(config), name),
    advance: (name, slot_ms) => {
      known = undefined;
      advance.run(slot_ms, name);
    },
    ...createObligations(db),
  };
}

function createObligations(db: DatabaseSync): Pick<ScheduleTable, 'obligation' | 'done' | 'setOverdue'> {
  const one = db.prepare('SELECT done_ms, overdue_ms FROM obligations WHERE schedule = ? AND source = ?');
  const done = db.prepare(`
    INSERT INTO obligations (schedule, source, done_ms) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET done_ms = excluded.done_ms`);
  const setOverdue = db.prepare('UPDATE obligations SET overdue_ms = ? WHERE schedule = ? AND source = ?');
  const key = (schedule: string | null) => schedule ?? '';
  return {
    obligation: (schedule, source) => one.get(key(schedule), source) as ObligationRow | undefined,
    done: (schedule, source, at_ms) => void done.run(key(schedule), source, at_ms),
    setOverdue: (schedule, source, at_ms) => void setOverdue.run(at_ms, key(schedule), source),
  };
}

function toSchedule({ name, config, origin, version, modified_ms, last_slot_ms }: Row): Schedule {
  return { name, config: JSON.parse(config), origin, version, modified_ms, last_slot_ms };
}
