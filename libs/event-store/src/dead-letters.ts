import type { HoldfastEvent } from '@holdfast/contracts/catalog';
import { isHoldfastError } from '@holdfast/contracts/errors';
import { EVENTS_STREAM } from '@holdfast/contracts/subjects';
import { parseEvent } from '@holdfast/contracts/upcast';
import { readStored } from './delivery.ts';
import type { Consumer, DeadLetter, Handler } from './event-store.ts';
import { derivedId, newEvent, type Origin } from './new-event.ts';

/** A parked message on its way back to the handler that refused it. */
export interface Replayed {
  readonly letter: DeadLetter;
  /** It has succeeded: not to be replayed again. */
  ack(): void;
}

function eventIn(letter: DeadLetter): HoldfastEvent | undefined {
  try {
    return parseEvent(letter.bytes);
  } catch (error) {
    if (isHoldfastError(error)) return undefined;
    throw error;
  }
}

/** Tells that a message was parked; the same event however often it is told. */
export function deadLettered(origin: Origin, letter: DeadLetter): HoldfastEvent<'DeadLettered'> {
  const { consumer, seq, reason } = letter;
  const event = eventIn(letter);
  const time_ms = event === undefined ? 0 : Date.parse(event.time);
  return newEvent(origin, 'DeadLettered', {
    id: derivedId(`dead letter ${consumer} ${seq}`, time_ms),
    subject: consumer,
    ...(event !== undefined && { cause: event }),
    data: {
      stream: EVENTS_STREAM,
      consumer,
      seq,
      event_id: event?.id ?? null,
      event_type: event?.type ?? null,
      reason,
    },
  });
}

/** `replayDeadLetters` of a consumer, over what its store has parked. */
export function createReplay(
  handler: Handler,
  open: () => AsyncIterable<Replayed>,
): Consumer['replayDeadLetters'] {
  return async () => {
    let [replayed, left] = [0, 0];
    for await (const { letter, ack } of open()) {
      if (left > 0 || !(await succeeds(handler, letter))) left += 1;
      else {
        ack();
        replayed += 1;
      }
    }
    return { replayed, left };
  };
}

async function succeeds(handler: Handler, letter: DeadLetter): Promise<boolean> {
  const { subject, bytes, seq } = letter;
  const stored = readStored({ subject, bytes, seq, delivery: 1, received_at_ms: Date.now() });
  if (typeof stored === 'string') return false;
  try {
    await handler([stored]);
    return true;
  } catch {
    // It stays parked, and `left` says so.
    return false;
  }
}
