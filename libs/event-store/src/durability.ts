import { HoldfastError } from '@holdfast/contracts/errors';
import type { ServerInfo } from '@nats-io/nats-core';
import { isNewEnough, VERSION_FLOOR } from './find-nats-server.ts';
import type { Log } from './log.ts';
import { EMBEDDED_NAME } from './server-config.ts';

const ANSWER_WITHIN_MS = 2_000;

/**
 * Refuses a server that loses what it acknowledged: below the floor, or without `sync_interval: always`. The latter is
 * only seen by its monitoring page (`monitor_url`), or known because the server is our own; else the log says so.
 */
export async function checkDurable(
  info: ServerInfo,
  monitor_url: string | undefined,
  log: Log,
): Promise<void> {
  if (!isNewEnough(info.version))
    throw new HoldfastError(
      'nats_not_durable',
      `nats-server ${info.version} is below ${VERSION_FLOOR.join('.')}`,
    );
  if (info.server_name === EMBEDDED_NAME) return;
  if (monitor_url === undefined) {
    log.warn({ server: info.server_name }, 'cannot see whether NATS has `sync_interval: always`');
    return;
  }
  const answer = await fetch(new URL('/varz', monitor_url), {
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const { jetstream } = (await answer.json()) as { jetstream?: { config?: { sync_always?: boolean } } };
  if (jetstream?.config?.sync_always === true) return;
  throw new HoldfastError('nats_not_durable', `${info.server_name} does not sync each message`);
}
