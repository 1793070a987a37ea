import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import { dataPaths } from '@holdfast/contracts/paths';
import type { TokenRecord } from '@holdfast/contracts/tokens';
import { writePrivateFile } from '@holdfast/event-store/private-file';
import { keepToken, listTokens, newToken, recordOf } from '@holdfast/http/tokens';
import type { ServiceContext } from '@holdfast/runtime/connect-service';

/**
 * Makes sure that somebody can get in: where no token of the role admin is valid, the one in `DIR/admin.token` becomes
 * one, and is made and written there first if need be. Resolves with the record of a token that became valid, else
 * with null. The file is durable before the token is: a crash between leaves a file that the next start takes up.
 */
export async function ensureAdminToken(
  context: Pick<ServiceContext, 'data_dir' | 'tokens' | 'clock'>,
): Promise<TokenRecord | null> {
  const now_ms = context.clock.now_ms();
  const records = await listTokens(context.tokens);
  if (records.some((record) => isAdmin(record, now_ms))) return null;
  const file = dataPaths(context.data_dir).admin_token;
  const token = existsSync(file) ? readFileSync(file, 'utf8').trim() : writeNew(file);
  const record = recordOf(token, { name: 'first admin', role: 'admin', now_ms });
  if (record === null)
    throw new HoldfastError('data_dir_unusable', `${file} holds no token: remove it, and a new one is made`);
  await context.tokens.delete(record.token_id);
  await keepToken(context.tokens, record);
  return record;
}

/** True for a token that may do everything and has not run out. */
export function isAdmin(record: TokenRecord, now_ms: number): boolean {
  return record.role === 'admin' && (record.expires_at === null || Date.parse(record.expires_at) > now_ms);
}

function writeNew(file: string): string {
  const token = newToken();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, `${token}\n`);
  return token;
}
