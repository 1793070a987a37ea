import { HoldfastError } from '@holdfast/contracts/errors';
import { CreateBackupBody } from '@holdfast/contracts/http/backup';
import { CREATE_BACKUP } from '@holdfast/contracts/subjects';
import { firstTime, isKnown } from '@holdfast/event-store/dedup';
import type { Command } from '@holdfast/event-store/event-store';
import type { Runner } from '../adapters/backup-run/runner.ts';
import { wishedBackups } from '../adapters/backup-run/wished-backups.ts';
import type { ConsumerDeps } from './deps.ts';

const COMMANDS = 'commands';

export interface CommandDeps extends ConsumerDeps {
  readonly runner: Runner;
}

/**
 * Makes the backups that a command asks for, once: the payload is what `POST /api/backup` takes, the key of the command
 * becomes the correlation id, so that its sender finds the events that answer it.
 */
export function onCommand({ runner, ...deps }: CommandDeps, { id, verb, key, payload }: Command): void {
  if (verb !== CREATE_BACKUP) throw new HoldfastError('bad_request', `${verb}: no such command`);
  if (isKnown(deps.state.db, COMMANDS, id)) return;
  const body = CreateBackupBody.safeParse(payload);
  if (!body.success) {
    const [issue] = body.error.issues;
    throw new HoldfastError('bad_request', `${issue?.path.join('.')}: ${issue?.message}`);
  }
  const wishes = wishedBackups(deps, body.data, { correlationid: key, actor: 'unknown' });
  runner.request(wishes, () => void firstTime(deps.state.db, COMMANDS, id));
}
