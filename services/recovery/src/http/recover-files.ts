import { type ErrorCode, HoldfastError, isErrorCode } from '@holdfast/contracts/errors';
import {
  RecoverBody,
  RecoverResult,
  type RecoveryCase,
  type RecoveryReport,
} from '@holdfast/contracts/http/recovery';
import { actorOf } from '@holdfast/http/caller';
import type { HttpServer } from '@holdfast/http/server';
import { type RecoveryRequest, requestRecovery } from '../request-recovery.ts';
import type { RouteDeps } from './deps.ts';

/**
 * `POST /api/recovery/recover`: brings one file or several back, and answers when that is over. A single file that
 * could not be brought back is a problem reply; of several, each says what became of it.
 */
export function recoverFiles(app: HttpServer, deps: RouteDeps): void {
  const schema = {
    tags: ['recovery'],
    summary: 'Bring files back',
    body: RecoverBody,
    response: { 200: RecoverResult },
  };
  const route = { config: { role: 'backup_operator' as const }, schema };
  app.post('/api/recovery/recover', route, async ({ body, caller }) => {
    const report = await requestRecovery(deps, requestOf(body, actorOf(caller)));
    return 'files' in body ? report : single(report);
  });
}

function requestOf(body: RecoverBody, actor: string): RecoveryRequest {
  const { strategy, target_timestamp } = body;
  return {
    files: 'files' in body ? body.files : [body.file_path],
    strategy: strategy === 'auto' ? null : strategy,
    at_ms: target_timestamp == null ? null : Date.parse(target_timestamp),
    actor,
  };
}

function single(report: RecoveryReport) {
  const [file] = report.files;
  if (file === undefined) throw new HoldfastError('internal', 'the recovery has no file');
  if (file.status === 'failed') throw new HoldfastError(codeOf(file), file.error?.message ?? 'it failed');
  if (file.status === 'manual') throw new HoldfastError('no_good_version', `${file.path}: ${file.reason}`);
  const { path, status, reason, duration_ms } = file;
  const strategy = file.tried.findLast(({ outcome }) => outcome === 'recovered')?.strategy ?? null;
  return { ...report, path, outcome: status, strategy, reason, duration_ms };
}

function codeOf({ error }: RecoveryCase): ErrorCode {
  return isErrorCode(error?.code) ? error.code : 'internal';
}
