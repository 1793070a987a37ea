import { lookup as resolveName } from 'node:dns';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { systemCode } from '@holdfast/contracts/errors';
import type { Attempt } from '../../domain/delivery/schedule.ts';
import { isPrivateAddress } from './private-address.ts';

/** What is posted where. */
export interface Post {
  url: URL;
  headers: Record<string, string>;
  body: string;
  timeout_ms: number;
  /** Without it, a target on this machine or its networks is refused. */
  allow_private: boolean;
  signal: AbortSignal;
}

const PRIVATE_CODE = 'PRIVATE_ADDRESS';

class PrivateAddress extends Error {
  readonly code = PRIVATE_CODE;
}

/** Resolves a name as the connection itself does, so that what is checked is what is connected to. */
const publicOnly: LookupFunction = (hostname, options, done) => {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    const refused = addresses?.find(({ address }) => isPrivateAddress(address));
    const [first] = addresses ?? [];
    if (error !== null) done(error, []);
    else if (refused !== undefined) done(new PrivateAddress('a private address'), []);
    else if (options.all === true) done(null, addresses);
    else done(null, first?.address ?? '', first?.family);
  });
};

function isPrivateLiteral({ hostname }: URL): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 && isPrivateAddress(bare);
}

function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const wait_ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait_ms) && wait_ms > 0 ? wait_ms : undefined;
}

/** What a status means: other 4xx than "too slow" and "too many" will not get better by trying again. */
function judge(status: number, header: string | undefined): Attempt {
  if (status >= 200 && status < 300) return { outcome: 'delivered', provider_id: null };
  const code = `http_${status}`;
  const reason = `the receiver answered ${status}`;
  const transient = status >= 500 || status === 408 || status === 429;
  if (!transient) return { outcome: 'refused', code, reason };
  const retry_after_ms = retryAfter(header);
  return { outcome: 'failed', code, reason, ...(retry_after_ms !== undefined && { retry_after_ms }) };
}

const refusedAsPrivate = ({ hostname }: URL): Attempt => ({
  outcome: 'refused',
  code: 'private_address',
  reason: `${hostname} is a private address; set allow_private if it is meant`,
});

/**
 * Posts once, over a connection of its own, following no redirect. A timeout after the whole body has left is `unknown`:
 * a slow receiver is not one that failed. Only the host is ever named: the rest of a URL may be a secret.
 */
export async function post(to: Post): Promise<Attempt> {
  if (!to.allow_private && isPrivateLiteral(to.url)) return refusedAsPrivate(to.url);
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const send = to.url.protocol === 'https:' ? requestTls : requestPlain;
  const request = send(to.url, {
    method: 'POST',
    agent: false,
    headers: { ...to.headers, 'content-length': String(Buffer.byteLength(to.body)) },
    ...(!to.allow_private && { lookup: publicOnly }),
  });
  let sent = false;
  const giveUp = (code: string, reason: string) => {
    resolve(sent ? { outcome: 'unknown', reason } : { outcome: 'failed', code, reason });
    request.destroy();
  };
  const timer = setTimeout(() => {
    giveUp('timeout', `${to.url.hostname} did not answer within ${to.timeout_ms} ms`);
  }, to.timeout_ms);
  const onAbort = () => giveUp('interrupted', 'the service was stopped before the answer came');
  to.signal.addEventListener('abort', onAbort);
  request.once('finish', () => {
    sent = true;
  });
  request.once('response', (response) => {
    response.resume();
    resolve(judge(response.statusCode ?? 0, response.headers['retry-after']));
  });
  request.on('error', (error) => {
    const code = systemCode(error) ?? 'connection_failed';
    if (code === PRIVATE_CODE) resolve(refusedAsPrivate(to.url));
    else resolve({ outcome: 'failed', code, reason: `${to.url.hostname} cannot be reached (${code})` });
  });
  request.end(to.body);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    to.signal.removeEventListener('abort', onAbort);
  }
}
