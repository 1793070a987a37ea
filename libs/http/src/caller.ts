import type { TokenRecord } from '@holdfast/contracts/tokens';

/** Who asks, as it stands in events: the id of the token, which is no secret; `unknown` on a public route. */
export function actorOf(caller: TokenRecord | null): string {
  return caller?.token_id ?? 'unknown';
}
