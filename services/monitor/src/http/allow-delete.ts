import { HoldfastError } from '@holdfast/contracts/errors';
import { AllowDeleteBody, AllowDeleteReply } from '@holdfast/contracts/http/monitor';
import type { HttpServer } from '@holdfast/http/server';
import { type Clock, timestamp } from '@holdfast/runtime/clock';
import { look } from '../adapters/file-stat.ts';
import type { FileRegistry } from '../adapters/registry.ts';
import type { Territory } from '../adapters/territory.ts';
import { observeAbsence } from '../domain/file-inventory/decide.ts';
import type { Ledger } from '../inspection/ledger.ts';

export interface AllowDeps {
  readonly registry: FileRegistry;
  readonly territory: Territory;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** `POST /api/monitor/allow-delete`: for a while deletions there are no losses; losses that are open there are ended. */
export function allowDelete(app: HttpServer, { registry, territory, ledger, clock }: AllowDeps): void {
  const schema = {
    tags: ['monitor'],
    summary: 'Let a file, or what lies in a folder, be deleted',
    body: AllowDeleteBody,
    response: { 200: AllowDeleteReply },
  };
  app.post('/api/monitor/allow-delete', { config: { role: 'backup_operator' }, schema }, async (request) => {
    const path = request.body.path.replace(/(?<=.)\/+$/, '');
    if (territory.rootOf(path) === undefined)
      throw new HoldfastError('not_found', `${path} is not protected`);
    const until_ms = Math.round(clock.now_ms() + request.body.for_seconds * 1000);
    registry.allow(path, until_ms);
    const gone = registry
      .openCases(path)
      .filter((row) => row.state === 'missing' && look(row.path).kind === 'absent');
    const moment = ledger.moment();
    ledger.commit(gone.map((row) => observeAbsence(row, { by: 'watch', excuse: 'allowed' }, moment)));
    return { path, until: timestamp(until_ms), retired: gone.length };
  });
}
