import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { RepositoryError } from '../errors.ts';

/** So many packs of one thread may wait to be stored while it makes the next. */
const UNDER_WAY_MAX = 1;
/** A lost wake-up costs no more than this. */
const LOOK_AGAIN_MS = 200;

/** What a thread is given to wait for its packs to be stored. */
export interface ReturnTicket {
  readonly port: MessagePort;
  readonly under_way: Int32Array;
  /** Not 0: nobody wants any more of it. */
  readonly stop: Int32Array;
}

/**
 * Brings the memory of stored packs back to the thread that made them, also while it is in the middle of a large file:
 * it takes no messages then. So the memory of a backup is bounded, however much faster it reads than the store writes.
 */
export class PackReturns implements Disposable {
  readonly ticket: ReturnTicket;
  readonly #port: MessagePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.ticket = { port: port2, under_way: sharedNumber(), stop: sharedNumber() };
  }

  /** The pack is stored, or will never be. */
  giveBack(memory: ArrayBuffer): void {
    this.#port.postMessage(memory, [memory]);
    Atomics.sub(this.ticket.under_way, 0, 1);
    Atomics.notify(this.ticket.under_way, 0);
  }

  /** Whoever still makes packs in the thread stops. */
  [Symbol.dispose](): void {
    Atomics.store(this.ticket.stop, 0, 1);
    Atomics.notify(this.ticket.under_way, 0);
    this.#port.close();
  }
}

/** In the thread: memory that came back, to write the next pack into. */
export function takeReturned({ port }: ReturnTicket): ArrayBuffer | undefined {
  return receiveMessageOnPort(port)?.message as ArrayBuffer | undefined;
}

/** In the thread, after it handed a pack over: waits until not too many are under way. */
export function waitForReturns(ticket: ReturnTicket): void {
  const { under_way } = ticket;
  const count = Atomics.add(under_way, 0, 1) + 1;
  for (let waiting = count; waiting > UNDER_WAY_MAX; waiting = Atomics.load(under_way, 0)) {
    throwIfStopped(ticket);
    Atomics.wait(under_way, 0, waiting, LOOK_AGAIN_MS);
  }
}

/** In the thread: rejects with `interrupted` once nobody wants any more. */
export function throwIfStopped({ stop }: ReturnTicket): void {
  if (Atomics.load(stop, 0) !== 0) throw new RepositoryError('interrupted', 'interrupted');
}

function sharedNumber(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}
