import { TokenView } from '@holdfast/contracts/http/audit';
import type { TokenRecord } from '@holdfast/contracts/tokens';
import type { HttpServer } from '@holdfast/http/server';
import { listTokens as readTokens } from '@holdfast/http/tokens';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { z } from 'zod';

/** `GET /api/tokens`: who may do what. */
export function listTokens(app: HttpServer, { tokens }: Pick<ServiceContext, 'tokens'>): void {
  const schema = {
    tags: ['access'],
    summary: 'The tokens that there are, without their secrets',
    response: { 200: z.object({ items: z.array(TokenView), next_cursor: z.null() }) },
  };
  app.get('/api/tokens', { config: { role: 'admin' }, schema }, async () => ({
    items: (await readTokens(tokens)).map(viewOf),
    next_cursor: null,
  }));
}

/** What may be told of a token: not even its hash. */
export function viewOf({ token_id, name, role, created_at, expires_at }: TokenRecord): TokenView {
  return { token_id, name, role, created_at, expires_at };
}
