import type { HttpServer } from '@holdfast/http/server';
import type { ServiceContext } from '@holdfast/runtime/connect-service';
import { createToken } from './create-token.ts';
import { exportEvents } from './export-events.ts';
import { listEvents } from './list-events.ts';
import { listTokens } from './list-tokens.ts';
import { revokeToken } from './revoke-token.ts';
import { servePage } from './serve-page.ts';
import { showConfig } from './show-config.ts';
import { showEvent } from './show-event.ts';
import { type StreamDeps, streamEvents } from './stream-events.ts';

/** All routes under `/api/audit`, `/api/tokens` and `/api/config`, and the page at `/`. */
export function serveRoutes(app: HttpServer, context: ServiceContext, deps: StreamDeps): void {
  listEvents(app, deps);
  showEvent(app, deps);
  streamEvents(app, deps);
  exportEvents(app, deps);
  listTokens(app, context);
  createToken(app, context);
  revokeToken(app, context);
  showConfig(app, context);
  servePage(app);
}
