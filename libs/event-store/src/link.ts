import { HoldfastError } from '@holdfast/contracts/errors';
import { inboxPrefix } from '@holdfast/contracts/subjects';
import { createInbox, type NatsConnection, type Status } from '@nats-io/nats-core';
import { natsError } from './connection.ts';
import type { Log } from './log.ts';

/** A connection with its ups and downs. */
export interface Link {
  readonly nc: NatsConnection;
  connected(): boolean;
  /** A subject for answers that only this user may read. */
  newInbox(): string;
  /** Called each time the connection was made anew; the result takes it back. */
  onReconnect(call: () => void): () => void;
  /**
   * What `work` answers; rejects with `nats_unreachable` as soon as the connection is lost, and at once while there is
   * none: what was not sent now must not go out later behind the caller's back.
   */
  untilLost<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
}

/** Follows the status of a connection that was opened under `name`. */
export function followLink(nc: NatsConnection, name: string, log: Log): Link {
  const listeners = new Set<() => void>();
  let up = true;
  let lost = rejectsLater();

  const onStatus = (status: Status) => {
    if (status.type === 'error') log.error({ err: status.error }, 'NATS refused something');
    if (status.type === 'disconnect' && up) {
      up = false;
      lost.reject(new HoldfastError('nats_unreachable', 'the connection to NATS was lost'));
      log.warn({ server: status.server }, 'connection to NATS lost');
    }
    if (status.type !== 'reconnect') return;
    up = true;
    lost = rejectsLater();
    log.info({ server: status.server }, 'connection to NATS is back');
    for (const listener of listeners) listener();
  };
  const follow = async () => {
    for await (const status of nc.status()) onStatus(status);
  };
  follow().catch((error) => log.error({ err: error }, 'the status of NATS is no longer followed'));
  return {
    nc,
    connected: () => up && !nc.isClosed(),
    newInbox: () => createInbox(inboxPrefix(name)),
    onReconnect: (call) => {
      listeners.add(call);
      return () => listeners.delete(call);
    },
    untilLost: async (what, work) => {
      if (!up || nc.isClosed()) throw new HoldfastError('nats_unreachable', `${what}: no connection to NATS`);
      try {
        return await Promise.race([work(), lost.promise]);
      } catch (error) {
        throw natsError(error, what);
      }
    },
  };
}

/** A promise that nobody may be waiting for when it rejects. */
function rejectsLater(): PromiseWithResolvers<never> {
  const later = Promise.withResolvers<never>();
  later.promise.catch(() => undefined);
  return later;
}
