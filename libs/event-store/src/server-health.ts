import { SERVER_HEALTH } from '@holdfast/contracts/subjects';
import type { NatsConnection } from '@nats-io/nats-core';
import { openConnection } from './connection.ts';
import type { Log } from './log.ts';

const EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 2_000;
const MISSES_MAX = 2;
/** A server that has not been well since its start may be busy reading its store. */
const STARTING_MISSES_MAX = 3;

/** Asks a server again and again whether it is well. */
export interface HealthWatch extends AsyncDisposable {
  /** A server was just started. */
  restarted(): void;
}

/**
 * Watches the server over its system account. `onSick` is called when it has not answered for some seconds (it is frozen)
 * or says that it is not well (a stream that met a full disk stays frozen until a restart).
 */
export async function watchHealth(
  { url, credentials_file, log }: { url: string; credentials_file: string; log: Log },
  onSick: (reason: string) => void,
): Promise<HealthWatch> {
  const connection = await openConnection({ url, credentials_file, name: 'supervisor' });
  let misses = 0;
  let allowed = MISSES_MAX;
  let asking: Promise<void> | undefined;
  const check = async () => {
    const problem = await problemOf(connection);
    asking = undefined;
    if (problem === undefined) {
      [misses, allowed] = [0, MISSES_MAX];
      return;
    }
    misses += 1;
    log.debug({ problem, misses }, 'nats-server is not well');
    if (misses < allowed) return;
    misses = 0;
    onSick(problem);
  };
  const timer = setInterval(() => {
    asking ??= check();
  }, EVERY_MS);
  return {
    restarted: () => {
      [misses, allowed] = [0, STARTING_MISSES_MAX];
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await connection.close();
      await asking;
    },
  };
}

/** What is wrong with the server, if anything. */
async function problemOf(connection: NatsConnection): Promise<string | undefined> {
  try {
    const reply = await connection.request(SERVER_HEALTH, '', { timeout: ANSWER_WITHIN_MS });
    const { data } = reply.json<{ data?: { status?: string; error?: string } }>();
    return data?.status === 'ok' ? undefined : (data?.error ?? 'no status');
  } catch (error) {
    return Error.isError(error) ? error.message : String(error);
  }
}
