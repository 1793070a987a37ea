import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '@holdfast/contracts/errors';
import { newEvent, newId, type Origin } from '@holdfast/event-store/new-event';
import type { Outbox } from '@holdfast/event-store/outbox';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import { transaction } from '@holdfast/runtime/sqlite';
import type { AlertStore } from './adapters/alert-store.ts';
import type { Silence, SilenceMatch } from './domain/alert/silence.ts';

interface SilencesDeps {
  db: DatabaseSync;
  alerts: AlertStore;
  outbox: Outbox;
  clock: Clock;
  origin: Origin;
  /** Alerts may be due that were held. */
  onRemoved(): void;
}

/** Who may be told nothing for a while. */
export interface Silences {
  create(wanted: { match: SilenceMatch; duration_ms: number; reason: string }, by: string): Silence;
  /** Those that have not ended. */
  list(): Silence[];
  /** What it held is told now. `not_found` where there is none. */
  remove(silence_id: string, by: string): void;
}

/** Silences over alerting's database; each change is told by an event. */
export function createSilences({ db, alerts, outbox, clock, origin, onRemoved }: SilencesDeps): Silences {
  return {
    create: ({ match, duration_ms, reason }, by) => {
      const now_ms = clock.now_ms();
      const until_ms = now_ms + duration_ms;
      const silence_id = newId(now_ms);
      const silence = { silence_id, match, reason, created_by: by, created_at_ms: now_ms, until_ms };
      const given = Object.entries(match).filter(([, wanted]) => wanted !== undefined);
      const data = { silence_id, match: Object.fromEntries(given), reason, until: timestamp(until_ms) };
      transaction(db, () => {
        alerts.saveSilence(silence);
        outbox.add([newEvent(origin, 'SilenceCreated', { subject: silence_id, actor: by, data })]);
      });
      outbox.wake();
      return silence;
    },
    list: () => alerts.silences(clock.now_ms()),
    remove: (silence_id, by) => {
      transaction(db, () => {
        if (!alerts.removeSilence(silence_id, clock.now_ms()))
          throw new HoldfastError('not_found', `there is no silence ${silence_id}`);
        const data = { silence_id };
        outbox.add([newEvent(origin, 'SilenceRemoved', { subject: silence_id, actor: by, data })]);
      });
      outbox.wake();
      onRemoved();
    },
  };
}
