import { applyUpdate } from './apply-update.ts';
import type { BsonElement } from './bson-bytes.ts';
import { type ChangeEvent, keyOf } from './change-event.ts';
import { type ClusterTime, compareTimes } from './cluster-time.ts';

/** What becomes of one document in a batch of changes: its bytes, or null where it is gone. */
export interface DocumentChange {
  readonly id: BsonElement;
  readonly document: Buffer | null;
  /** False: it was not there before this batch, so that nothing has to make room for it. */
  readonly replaces: boolean;
}

/** The ids whose documents are needed before a batch can be applied: the first change builds on what is there. */
export function idsToFetch(events: readonly ChangeEvent[]): BsonElement[] {
  const first = new Map<string, ChangeEvent>();
  for (const event of events) {
    if (event.id !== null && !first.has(keyOf(event.id))) first.set(keyOf(event.id), event);
  }
  return [...first.values()].flatMap(({ type, id }) => (type === 'update' && id !== null ? [id] : []));
}

/**
 * What a batch of changes of one collection comes to. `there` holds the documents of `idsToFetch`. Up to `settled_after`
 * the documents may be newer than the changes; an update of a document that is not there is then of one that is deleted
 * later on. After it that cannot be: a RangeError.
 */
export function replayBatch(
  events: readonly ChangeEvent[],
  there: ReadonlyMap<string, Buffer>,
  settled_after: ClusterTime,
): Map<string, DocumentChange> {
  const changes = new Map<string, DocumentChange>();
  for (const event of events) {
    if (event.id === null) throw new RangeError('a change of a document without its _id');
    const key = keyOf(event.id);
    const known = changes.get(key);
    const settled = compareTimes(event.time, settled_after) > 0;
    const before = known === undefined ? there.get(key) : known.document;
    const document = after(event, before ?? null, settled);
    // One that was deleted and comes again comes last, as it did then: a capped collection is in this order.
    if (known?.document === null) changes.delete(key);
    const replaces = known?.replaces ?? (event.type !== 'insert' || !settled);
    changes.set(key, { id: event.id, document, replaces });
  }
  return changes;
}

function after(
  { type, document, update }: ChangeEvent,
  before: Buffer | null,
  settled: boolean,
): Buffer | null {
  if (type === 'delete') return null;
  if (type === 'update') {
    if (before !== null && update !== null) return applyUpdate(before, update, settled);
    if (settled) throw new RangeError('an update of a document that is not there');
    return null;
  }
  if (document === null) throw new RangeError(`a change of type ${type} without its document`);
  return document;
}
