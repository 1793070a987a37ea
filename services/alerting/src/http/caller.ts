import type { TokenRecord } from '@holdfast/contracts/tokens';

/** Who asks, as it stands in events: the id of the token, which is no secret. */
export function callerOf(request: { caller: TokenRecord | null }): string {
  return request.caller?.token_id ?? 'unknown';
}
