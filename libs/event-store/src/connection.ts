import { readFile } from 'node:fs/promises';
import { type ErrorCode, HoldfastError, isHoldfastError } from '@holdfast/contracts/errors';
import { inboxPrefix } from '@holdfast/contracts/subjects';
import { type Authenticator, connect, type NatsConnection } from '@nats-io/transport-node';
import { keyOf } from './nkey.ts';

/** Where NATS is and who we are there. */
export interface Access {
  url: string;
  credentials_file?: string;
}

/**
 * Connects; once connected it stays so for ever: a server that went is asked ten times a second. `nats_unreachable`
 * where nobody answers now, `nats_forbidden` where the credentials are not known.
 */
export async function openConnection(access: Access & { name: string }): Promise<NatsConnection> {
  const { url, credentials_file, name } = access;
  const authenticator =
    credentials_file === undefined ? undefined : authenticate(await readFile(credentials_file, 'utf8'));
  try {
    return await connect({
      servers: url.split(','),
      name,
      inboxPrefix: inboxPrefix(name),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      reconnectJitter: 20,
      pingInterval: 5_000,
      timeout: 5_000,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      ...(authenticator !== undefined && { authenticator }),
    });
  } catch (error) {
    throw natsError(error, `no connection to ${url}`);
  }
}

/** Signs the server's nonce with the key of a credentials file. */
export function authenticate(credentials: string): Authenticator {
  const [jwt, seed] = credentials.match(/^[A-Za-z0-9_.-]+$/gm)?.filter((line) => !line.startsWith('-')) ?? [];
  if (jwt === undefined || seed === undefined)
    throw new HoldfastError('nats_forbidden', 'the credentials file holds no JWT and seed');
  const key = keyOf(seed);
  return (nonce) => ({
    jwt,
    nkey: key.public_key,
    sig: Buffer.from(key.sign(nonce ?? '')).toString('base64url'),
  });
}

const FULL = /no space left|insufficient (storage )?resources/i;

/** An error of the client as one of ours. */
export function natsError(error: unknown, what: string): HoldfastError {
  if (isHoldfastError(error)) return error;
  const name = Error.isError(error) ? error.name : '';
  const message = `${what}: ${Error.isError(error) ? error.message : String(error)}`;
  if (/permissions violation|authorization|authentication/i.test(`${name} ${message}`))
    return new HoldfastError('nats_forbidden', message, { cause: error });
  if (name.endsWith('JetStreamApiError')) return new HoldfastError(apiCode(error), message, { cause: error });
  if (FULL.test(message)) return new HoldfastError('storage_full', message, { cause: error });
  return new HoldfastError('nats_unreachable', message, { cause: error });
}

const WRONG_LAST_SEQUENCE = 10071;
const UNAVAILABLE = 503;

/** JetStream has answered, and refused: it is there. */
function apiCode(error: unknown): ErrorCode {
  const { code, status, message } = error as { code: number; status: number; message: string };
  if (code === WRONG_LAST_SEQUENCE) return 'event_conflict';
  if (FULL.test(message)) return 'storage_full';
  return status === UNAVAILABLE ? 'nats_unreachable' : 'internal';
}
