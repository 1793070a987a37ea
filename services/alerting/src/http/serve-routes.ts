import type { HttpServer } from '@holdfast/http/server';
import type { Silences } from '../silences.ts';
import { type AckDeps, ackAlert } from './ack-alert.ts';
import { createSilence } from './create-silence.ts';
import { deleteSilence } from './delete-silence.ts';
import { type ListDeps, listAlerts } from './list-alerts.ts';
import { listSilences } from './list-silences.ts';
import { type TestDeps, testChannel } from './test-channel.ts';

type RouteDeps = AckDeps & ListDeps & TestDeps & { silences: Silences };

/** All routes under `/api/alerts`. */
export function serveRoutes(app: HttpServer, deps: RouteDeps): void {
  listAlerts(app, deps);
  ackAlert(app, deps);
  createSilence(app, deps);
  listSilences(app, deps);
  deleteSilence(app, deps);
  testChannel(app, deps);
}
