import { MoveBody, type MoveItem, MoveResult } from '@holdfast/contracts/http/backup';
import type { HttpServer } from '@holdfast/http/server';
import { timestamp } from '@holdfast/runtime/clock';
import type { Placement } from '../domain/tiers/state.ts';
import { answered, type RouteDeps } from './deps.ts';
import { jsonText, sendJson } from './json-text.ts';

/** `POST /api/backup/move`: brings backups to the tiers where they belong; says of every backup which that is, and why. */
export function moveBackups(app: HttpServer, { mover }: RouteDeps): void {
  const schema = {
    tags: ['backup'],
    summary: 'Move backups to the tiers where they belong, or say which would be moved',
    body: MoveBody.nullish(),
    response: { 200: MoveResult },
  };
  app.post('/api/backup/move', { config: { role: 'admin' }, schema }, async ({ body }, reply) => {
    const dry_run = body?.dry_run ?? false;
    const { placements, ...counts } = await answered(mover.move({ dry_run }));
    const head: Omit<MoveResult, 'items'> = { dry_run, ...counts };
    return sendJson(reply, await jsonText(head, placements, itemOf));
  });
}

function itemOf({ backup, tier, step, reasons }: Placement): MoveItem {
  const { backup_id, source, backup_type, time_ms, copies } = backup;
  return {
    ...{ backup_id, source, backup_type, timestamp: timestamp(time_ms) },
    tiers: copies.map((copy) => copy.tier),
    tier,
    action: step.do,
    reasons: [...reasons],
  };
}
