import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import { type Role, TokenRecord } from '@holdfast/contracts/tokens';
import type { KeyValue } from '@holdfast/event-store/key-value';
import { timestamp } from '@holdfast/runtime/clock';

const TOKEN = /^hf_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;

export interface TokenRequest {
  name: string;
  role: Role;
  now_ms: number;
  /** Null: until it is revoked. */
  expires_at_ms?: number | null;
}

/** A token that nobody knows yet. */
export function newToken(): string {
  return `hf_${randomBytes(ID_BYTES).toString('hex')}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** What is kept of a token; null where the text has not the form of one. */
export function recordOf(
  token: string,
  { name, role, now_ms, expires_at_ms = null }: TokenRequest,
): TokenRecord | null {
  const token_id = TOKEN.exec(token)?.[1];
  if (token_id === undefined) return null;
  return {
    token_id,
    name,
    role,
    hash: hashOf(token).toString('hex'),
    created_at: timestamp(now_ms),
    expires_at: expires_at_ms === null ? null : timestamp(expires_at_ms),
  };
}

/** From now on the token of this record opens what its role may. `event_conflict` where its id is taken. */
export async function keepToken(tokens: KeyValue, record: TokenRecord): Promise<void> {
  await tokens.create(record.token_id, new TextEncoder().encode(JSON.stringify(record)));
}

/** Makes a token and keeps its hash. The token itself is in the answer and nowhere else. */
export async function issueToken(
  tokens: KeyValue,
  request: TokenRequest,
): Promise<{ token: string; record: TokenRecord }> {
  const token = newToken();
  const record = recordOf(token, request);
  if (record === null) throw new HoldfastError('internal', 'a new token has not the form of a token');
  await keepToken(tokens, record);
  return { token, record };
}

/** All tokens as they are in the bucket at this moment, the oldest first. */
export async function listTokens(tokens: KeyValue): Promise<TokenRecord[]> {
  const entries = await Promise.all((await tokens.keys()).map((key) => tokens.get(key)));
  const records = entries.map((entry) => (entry === null ? null : parseRecord(entry.value)));
  return records
    .filter((record) => record !== null)
    .sort((a, b) => a.created_at.localeCompare(b.created_at) || a.token_id.localeCompare(b.token_id));
}

/** The tokens of the bucket, held in memory and kept current. */
export interface TokenRegistry extends AsyncDisposable {
  /** The record of a token that is known, right and not expired; else null. Takes the same time for every wrong secret. */
  verify(token: string, now_ms: number): TokenRecord | null;
  /** Id of something that looks like a token, whether it is known or not: for the record of a refusal. */
  idOf(token: string): string | null;
  list(): TokenRecord[];
}

/** Resolves once all tokens that there are have been read. What is no record in the bucket opens nothing. */
export async function watchTokens(tokens: KeyValue): Promise<TokenRegistry> {
  const records = new Map<string, TokenRecord>();
  const watch = await tokens.watch((key, value) => {
    const record = value === null ? null : parseRecord(value);
    if (record === null || record.token_id !== key) records.delete(key);
    else records.set(key, record);
  });
  return {
    verify(token, now_ms) {
      const record = records.get(TOKEN.exec(token)?.[1] ?? '');
      const wanted = Buffer.from(record?.hash ?? '', 'hex');
      const given = hashOf(token);
      if (record === undefined || wanted.length !== given.length || !timingSafeEqual(wanted, given))
        return null;
      return record.expires_at !== null && Date.parse(record.expires_at) <= now_ms ? null : record;
    },
    idOf: (token) => TOKEN.exec(token)?.[1] ?? null,
    list: () => [...records.values()],
    [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose](),
  };
}

function parseRecord(value: Uint8Array): TokenRecord | null {
  try {
    return TokenRecord.parse(JSON.parse(new TextDecoder().decode(value)));
  } catch {
    // A record of another version, or damaged: refusing it is the safe side.
    return null;
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
