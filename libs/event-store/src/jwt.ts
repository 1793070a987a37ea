import { createHash } from 'node:crypto';
import type { NKey } from './nkey.ts';

/** What a user may do; subjects that are not allowed are denied. */
export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** May answer a question that it was asked. */
  readonly answers?: boolean;
}

const base64url = (value: Uint8Array | string) => Buffer.from(value).toString('base64url');
const UNLIMITED = -1;
const ANSWER_WITHIN_NS = 120_000_000_000;

/** A NATS JWT (version 2, `ed25519-nkey`): claims about `subject`, signed by `issuer`. */
function sign(issuer: NKey, subject: string, name: string, nats: object): string {
  const claims = { iat: Math.floor(Date.now() / 1000), iss: issuer.public_key, name, sub: subject, nats };
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex');
  const header = base64url(JSON.stringify({ typ: 'JWT', alg: 'ed25519-nkey' }));
  const body = `${header}.${base64url(JSON.stringify({ ...claims, jti }))}`;
  return `${body}.${base64url(issuer.sign(body))}`;
}

/** The operator that all accounts of this server are signed by. */
export function operatorJwt(operator: NKey, system_account: string): string {
  return sign(operator, operator.public_key, 'holdfast', {
    type: 'operator',
    version: 2,
    system_account,
  });
}

/** An account without limits; `jetstream` lets it keep streams. */
export function accountJwt(operator: NKey, account: string, name: string, jetstream: boolean): string {
  const stores = jetstream ? UNLIMITED : 0;
  const limits = {
    subs: UNLIMITED,
    data: UNLIMITED,
    payload: UNLIMITED,
    imports: UNLIMITED,
    exports: UNLIMITED,
    wildcards: true,
    conn: UNLIMITED,
    leaf: UNLIMITED,
    mem_storage: stores,
    disk_storage: stores,
    streams: stores,
    consumer: stores,
  };
  return sign(operator, account, name, { limits, type: 'account', version: 2 });
}

/** A user with these permissions; none given: everything in its account. */
export function userJwt(account: NKey, user: string, name: string, permissions?: Permissions): string {
  const unlimited = { subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED };
  return sign(account, user, name, { ...unlimited, ...grants(permissions), type: 'user', version: 2 });
}

function grants(permissions: Permissions | undefined): object {
  if (permissions === undefined) return { pub: {}, sub: {} };
  const { publish, subscribe, answers = false } = permissions;
  return {
    pub: publish.length > 0 ? { allow: publish } : { deny: ['>'] },
    sub: subscribe.length > 0 ? { allow: subscribe } : { deny: ['>'] },
    ...(answers && { resp: { max: 1, ttl: ANSWER_WITHIN_NS } }),
  };
}

/** The file that `nats --creds` and every client reads: the JWT and the seed of one user. */
export function credentialsFile(jwt: string, seed: string): string {
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '************************* IMPORTANT *************************',
    'NKEY Seed printed below can be used to sign and prove identity.',
    'NKEYs are sensitive and should be treated as secrets.',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
}
