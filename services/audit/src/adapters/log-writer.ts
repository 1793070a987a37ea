import type { DatabaseSync } from 'node:sqlite';
import type { StoredEvent } from '@holdfast/event-store/event-store';
import { columnsOf, eventWords } from '../domain/entry/entry.ts';
import { leafHash } from '../domain/entry/leaf-hash.ts';
import { advance, type Rewound, type StreamPosition } from '../domain/position/position.ts';
import type { TimeSpans } from './time-spans.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What the log needs of an event that was read. */
export type Incoming = Pick<StoredEvent, 'event' | 'bytes' | 'seq'>;

export interface Appended {
  readonly added: number;
  /** Seen before, by id, and left as they are. */
  readonly known: number;
  readonly rewound: Rewound | null;
}

/** Writes events from place `size` on, and the position, within the caller's transaction. */
export type LogWriter = (events: readonly Incoming[], size: number) => Appended;

export function createLogWriter(db: DatabaseSync, spans: TimeSpans, vocabulary: Vocabulary): LogWriter {
  const find = db.prepare('SELECT 1 FROM events WHERE id = ?');
  const position = db.prepare('SELECT epoch, seq FROM position');
  const move = db.prepare('UPDATE position SET epoch = ?, seq = ?');
  const insert = createInsert(db, vocabulary);
  return (events, size) => {
    let at = position.get() as unknown as StreamPosition;
    let rewound: Rewound | null = null;
    const added: { index: number; time_ms: number }[] = [];
    for (const incoming of events) {
      const known = find.get(incoming.event.id) !== undefined;
      const step = advance(at, { seq: incoming.seq, known });
      at = step.at;
      rewound ??= step.rewound;
      if (!known) added.push(insert(incoming, size + added.length, at.epoch));
    }
    spans.note(added);
    move.run(at.epoch, at.seq);
    return { added: added.length, known: events.length - added.length, rewound };
  };
}

function createInsert(db: DatabaseSync, vocabulary: Vocabulary) {
  const event = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const body = db.prepare('INSERT INTO bodies VALUES (?, ?)');
  const words = db.prepare('INSERT INTO words (rowid, text) VALUES (?, ?)');
  return (incoming: Incoming, index: number, epoch: number): { index: number; time_ms: number } => {
    const of = columnsOf(incoming.event);
    const place = [index, of.id, epoch, incoming.seq] as const;
    const who = [of.host, of.protected_source, of.actor, of.correlationid] as const;
    event.run(...place, of.type, of.subject, of.source, ...who, of.time_ms, leafHash(incoming.bytes));
    body.run(index, incoming.bytes);
    const found = eventWords(incoming.event);
    words.run(index, found.join(' '));
    vocabulary.learn(found);
    return { index, time_ms: of.time_ms };
  };
}
