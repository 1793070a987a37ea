import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { bsonField } from './bson-bytes.ts';
import { type ChangeEvent, keyOf } from './change-event.ts';
import { idsToFetch, replayBatch } from './replay-batch.ts';

const bytes = (document: object) => Buffer.from(BSON.serialize(document));
const idOf = (id: number) => bsonField(bytes({ _id: id }), '_id') ?? null;
const START = { seconds: 0, increment: 0 };

function change(type: string, id: number, seconds: number, value = 0): ChangeEvent {
  const document = type === 'insert' || type === 'replace' ? bytes({ _id: id, value }) : null;
  const update = type === 'update' ? bytes({ updatedFields: { value }, removedFields: [] }) : null;
  const time = { seconds, increment: 1 };
  return { type, time, collection: 'c', to: null, id: idOf(id), document, update, description: null };
}

/** All events applied to what is there, in one batch. */
function applied(stored: ReadonlyMap<number, number>, events: readonly ChangeEvent[], settled_after = START) {
  const fetched = idsToFetch(events).map(({ value }) => value.readInt32LE(0));
  const there = new Map<string, Buffer>();
  for (const id of fetched) {
    const element = idOf(id);
    const value = stored.get(id);
    if (element !== null && value !== undefined) there.set(keyOf(element), bytes({ _id: id, value }));
  }
  const result = new Map(stored);
  for (const { id, document } of replayBatch(events, there, settled_after).values()) {
    const number = id.value.readInt32LE(0);
    if (document === null) result.delete(number);
    else result.set(number, BSON.deserialize(document)['value']);
  }
  return result;
}

test('only documents whose first change builds on them are asked for', () => {
  const events = [
    change('insert', 1, 1),
    change('update', 1, 2),
    change('update', 2, 3),
    change('delete', 3, 4),
  ];
  expect(idsToFetch(events)).toEqual([idOf(2)]);
  const changes = replayBatch(events.slice(0, 2), new Map(), START);
  expect([...changes.values()]).toMatchObject([{ replaces: false }]);
});

test('an update of what is not there: passed over while the base was copied, an error after it', () => {
  const lone = [change('update', 1, 5)];
  expect(applied(new Map(), lone, { seconds: 9, increment: 0 })).toEqual(new Map());
  expect(() => applied(new Map(), lone)).toThrow('not there');
});

interface Step {
  readonly id: number;
  readonly kind: 'put' | 'update' | 'delete';
  readonly value: number;
}

const MOMENTS = 30;

function typeOf({ kind, id }: Step, now: ReadonlyMap<number, number>): string {
  if (kind !== 'put') return kind;
  return now.has(id) ? 'replace' : 'insert';
}

/** What is done step by step, and a copy of each document at a moment of its own. */
function history(steps: readonly Step[], copied_at: readonly number[]) {
  const now = new Map<number, number>();
  const base = new Map<number, number>();
  const events: ChangeEvent[] = [];
  for (let moment = 0; moment <= MOMENTS; moment++) {
    for (const [id, value] of now) if (copied_at[id] === moment) base.set(id, value);
    const step = steps[moment];
    if (step === undefined || (step.kind !== 'put' && !now.has(step.id))) continue;
    events.push(change(typeOf(step, now), step.id, moment + 1, step.value));
    if (step.kind === 'delete') now.delete(step.id);
    else now.set(step.id, step.value);
  }
  return { now, base, events };
}

test('a copy made at any moments in between comes to the same once all changes are replayed (fast-check)', () => {
  const kind = fc.constantFrom('put' as const, 'update' as const, 'delete' as const);
  const step = fc.record({ id: fc.nat(3), kind, value: fc.nat(99) });
  const copied_at = fc.array(fc.nat(MOMENTS), { minLength: 4, maxLength: 4 });
  const steps = fc.array(step, { maxLength: MOMENTS, size: 'max' });
  fc.assert(
    fc.property(steps, copied_at, fc.integer({ min: 1, max: 9 }), (list, moments, size) => {
      const { now, base, events } = history(list, moments);
      const settled_after = { seconds: MOMENTS + 1, increment: 0 };
      let replayed: Map<number, number> = base;
      for (let at = 0; at < events.length; at += size) {
        replayed = applied(replayed, events.slice(at, at + size), settled_after);
      }
      expect([...replayed].sort()).toEqual([...now].sort());
    }),
  );
});
