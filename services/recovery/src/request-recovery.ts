import { isAbsolute, normalize } from 'node:path';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { RecoveryReport } from '@holdfast/contracts/http/recovery';
import type { StrategyName } from '@holdfast/contracts/recovery-events';
import { newId } from '@holdfast/event-store/new-event';
import { sourcesOf } from '@holdfast/runtime/source-match';
import { transaction } from '@holdfast/runtime/sqlite';
import { openRequest, startRecovering } from './domain/loss-case/decide.ts';
import type { LossCase } from './domain/loss-case/state.ts';
import { stepsFor } from './domain/loss-case/strategies.ts';
import { recoveryView } from './domain/loss-case/view.ts';
import { begin, folderTime, type OpeningDeps } from './open-recovery.ts';
import type { RecoveryQueue } from './recovery-queue.ts';

export interface RequestDeps extends OpeningDeps {
  readonly queue: RecoveryQueue;
  /** Resolves when a recovery has ended. */
  readonly ended: (recovery_id: string) => Promise<void>;
}

/** What somebody asked for. */
export interface RecoveryRequest {
  readonly files: readonly string[];
  /** null: the table of the configuration. */
  readonly strategy: StrategyName | null;
  readonly at_ms: number | null;
  readonly actor: string;
}

/** Recovers files because a person asked, and answers when that is over. `not_found` where a path is not protected. */
export async function requestRecovery(deps: RequestDeps, request: RecoveryRequest): Promise<RecoveryReport> {
  const now_ms = deps.origin.clock.now_ms();
  const recovery_id = newId(now_ms);
  const states = [...new Set(request.files)].map((path) =>
    caseFor(deps, request, { path, recovery_id, now_ms }),
  );
  const cases = states.map((state) => ({ state, cause: null, received_at_ms: now_ms }));
  const ended = deps.ended(recovery_id);
  const tasks = transaction(deps.db, () =>
    begin(deps, { correlationid: newId(now_ms), actor: request.actor, cause: null, cases }),
  );
  deps.queue.add(tasks);
  deps.outbox.wake();
  await ended;
  return requireRecovery(deps, recovery_id);
}

/** The report of a recovery; `not_found` names the id. */
export function requireRecovery({ store }: Pick<OpeningDeps, 'store'>, recovery_id: string): RecoveryReport {
  const found = store.recovery(recovery_id);
  if (!found) throw new HoldfastError('not_found', `there is no recovery ${recovery_id}`);
  return recoveryView(found.record, found.cases);
}

interface Place {
  path: string;
  recovery_id: string;
  now_ms: number;
}

function caseFor(
  deps: RequestDeps,
  request: RecoveryRequest,
  { path, recovery_id, now_ms }: Place,
): LossCase {
  const { settings, store, origin } = deps;
  if (!isAbsolute(path) || normalize(path) !== path) {
    throw new HoldfastError('bad_request', `${path} is not an absolute path`);
  }
  const [source] = sourcesOf([...settings.sources.values()], path);
  if (source === undefined) throw new HoldfastError('not_found', `${path} lies in no protected source`);
  const last = store.casesOf(path)[0]?.state ?? null;
  const settled = last === null || last.status === 'recovered' || last.status === 'superseded';
  const wish = {
    case_id: newId(now_ms),
    host: origin.host,
    source: source.name,
    path,
    at_ms: request.at_ms,
    asked_at: new Date(now_ms).toISOString(),
    unsettled: settled ? null : last,
  };
  const { strategy } = request;
  const steps = strategy === null ? stepsFor(path, settings.strategies) : [{ strategy }];
  return startRecovering(openRequest(wish, { recovery_id, steps, folder_mtime_ns: folderTime(path) }));
}
