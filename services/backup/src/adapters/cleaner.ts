import { HoldfastError } from '@holdfast/contracts/errors';
import { newId } from '@holdfast/event-store/new-event';
import { countsOf } from '../domain/retention/counts.ts';
import { protectionOf } from '../domain/retention/decide.ts';
import type { Verdict } from '../domain/retention/state.ts';
import type { BackupMetrics } from '../metrics.ts';
import { forgetSnapshots } from './forget-snapshots.ts';
import { judgeAndMark, judgeSource } from './judge-backups.ts';
import type { SnapshotDeps } from './make-snapshot.ts';
import type { Going } from './retention-table.ts';
import { toKnownError } from './run-error.ts';

/** Removes what retention does not keep, and what people ask to be removed; one thing at a time. */
export interface Cleaner extends AsyncDisposable {
  /** Applies the policy; with `dry_run` only says what it would do. The verdict on every backup. */
  cleanUp(wish: { dry_run: boolean; actor: string }): Promise<Verdict[]>;
  /** Removes one backup; `conflict` where it is protected, `not_found`. */
  remove(backup_id: string, actor: string): Promise<void>;
  /** After a backup: cleans up, where the configuration wants it and the last time is an hour ago. */
  wake(): void;
  /** Does other work on the repository while no space is freed. */
  maintain<Result>(work: () => Promise<Result>): Promise<Result>;
  /** At start: ends removals that a crash had cut off. */
  resume(): void;
}

export interface CleanerDeps extends SnapshotDeps {
  readonly metrics: BackupMetrics;
}

const EVERY_MS = 3_600_000;
const PRUNE_EVERY_MS = 24 * EVERY_MS;
const AT_ONCE = 100;

/** A cleaner that stands still until it is asked. */
export function createCleaner(deps: CleanerDeps): Cleaner {
  const { settings, repository, context } = deps;
  const { clock, log } = context;
  const stopping = new AbortController();
  const line = createLine();
  const maintenance = createLine();
  let cleaned_ms = Number.NEGATIVE_INFINITY;
  let pruned_ms = Number.NEGATIVE_INFINITY;
  /** Something was removed and its space not freed. */
  let is_unfreed = false;

  const inLine = <Result>(work: () => Promise<Result>): Promise<Result> =>
    line.enter(() => {
      if (stopping.signal.aborted) throw new HoldfastError('interrupted', 'the service stops');
      return work();
    });
  const prune = () => {
    pruned_ms = clock.now_ms();
    is_unfreed = false;
    maintenance
      .enter(() => repository.prune({ signal: stopping.signal }))
      .then(
        ({ bytes_removed, packs_removed }) => log.info({ bytes_removed, packs_removed }, 'space freed'),
        (error: unknown) => {
          if (!stopping.signal.aborted) log.error({ err: error }, 'space could not be freed; will retry');
        },
      );
  };
  const behind = (work: () => Promise<unknown>) => {
    inLine(work).catch((error: unknown) => {
      if (!stopping.signal.aborted) log.error({ err: error }, 'old backups were not removed; will retry');
    });
  };
  const cleanUpAlone = () => {
    const now_ms = clock.now_ms();
    if (Math.abs(now_ms - cleaned_ms) < EVERY_MS) return;
    cleaned_ms = now_ms;
    behind(async () => {
      const { removed } = await applyRetention(deps, { actor: 'holdfast', reason: 'schedule' });
      is_unfreed ||= removed > 0;
      if (is_unfreed && Math.abs(clock.now_ms() - pruned_ms) >= PRUNE_EVERY_MS) prune();
    });
  };
  return {
    cleanUp: ({ dry_run, actor }) =>
      inLine(async () => {
        if (dry_run) return verdicts(deps, null);
        const { all, removed } = await applyRetention(deps, { actor, reason: 'request' });
        if (removed > 0) prune();
        return all;
      }),
    remove: (backup_id, actor) =>
      inLine(async () => {
        await markOne(deps, backup_id, actor);
        await removeGoing(deps);
        prune();
      }),
    wake: () => {
      if (settings.auto_cleanup && settings.retention.rules.length > 0) cleanUpAlone();
    },
    maintain: maintenance.enter,
    resume: () => behind(() => removeGoing(deps)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all([line.end(), maintenance.end()]);
    },
  };
}

/** One thing after another. */
function createLine() {
  let last: Promise<unknown> = Promise.resolve();
  return {
    enter: <Result>(work: () => Promise<Result>): Promise<Result> => {
      const done = last.then(work);
      last = done.catch(() => undefined); // Who asked is told; the next in line starts all the same.
      return done;
    },
    end: () => last,
  };
}

interface Wish {
  readonly actor: string;
  readonly reason: 'schedule' | 'request';
}

async function applyRetention(deps: CleanerDeps, { actor, reason }: Wish) {
  const { state, context } = deps;
  const started = performance.now();
  const correlationid = newId(context.clock.now_ms());
  const all = await verdicts(deps, ({ backup, reasons }) => {
    state.retention.markGoing(backup.backup_id, { reason: reasons.join(', '), actor, correlationid });
  });
  await removeGoing(deps);
  const removed = all.filter(({ stays }) => !stays).length;
  if (removed > 0 || reason === 'request') {
    const data = { ...countsOf(all), reason, duration_ms: Math.round(performance.now() - started) };
    state.write(() => state.tell('RetentionApplied', { subject: context.host, data, actor, correlationid }));
    context.log.info({ kept: data.kept, removed, reason }, 'old backups removed');
  }
  return { all, removed };
}

/** Decides source by source; `onGo` (none: nothing is removed) is called inside the transaction in which it holds. */
async function verdicts(deps: CleanerDeps, onGo: ((verdict: Verdict) => void) | null): Promise<Verdict[]> {
  const all: (readonly Verdict[])[] = [];
  for (const source of deps.state.retention.sources()) {
    const judged =
      onGo === null ? (await judgeSource(deps, source)).verdicts : await judgeAndMark(deps, source, onGo);
    all.push(judged);
  }
  return all.flat();
}

async function markOne(deps: CleanerDeps, backup_id: string, actor: string): Promise<void> {
  const { state, context } = deps;
  const source = state.retention.get(backup_id)?.source;
  for (let marked = false; !marked; ) {
    const judgement = source === undefined ? null : await judgeSource(deps, source);
    const verdict = judgement?.verdicts.find(({ backup }) => backup.backup_id === backup_id);
    if (judgement === null || verdict === undefined) {
      throw new HoldfastError('not_found', `there is no backup ${backup_id}`);
    }
    const protection = protectionOf(verdict);
    if (protection !== null) throw new HoldfastError('conflict', `${backup_id} ${protection}`);
    const correlationid = newId(context.clock.now_ms());
    marked = state.write(() => {
      if (!judgement.holdsFor([verdict])) return false;
      state.retention.markGoing(backup_id, { reason: 'request', actor, correlationid });
      return true;
    });
  }
}

/**
 * Removes all that is marked as going: first from the repository, then told and out of the catalog in one transaction. A
 * crash between leaves the mark, and the same is done again.
 */
async function removeGoing(deps: CleanerDeps): Promise<void> {
  const { state, repository, metrics } = deps;
  await spareWanted(deps);
  for (let going = state.retention.going(AT_ONCE); going.length > 0; going = state.retention.going(AT_ONCE)) {
    for (const [reason, some] of Map.groupBy(going, ({ why }) => why.reason)) {
      await forget(
        repository,
        some.map(({ snapshot_id }) => snapshot_id),
        reason,
      );
      state.write(() => {
        for (const { backup_id, snapshot_id, why } of some)
          tellDeleted(deps, { backup_id, snapshot_id }, why);
      });
      metrics.removed(some.length);
    }
  }
}

async function forget(repository: SnapshotDeps['repository'], ids: string[], reason: string): Promise<void> {
  try {
    await forgetSnapshots(repository, ids, reason);
  } catch (error) {
    const { code, message } = toKnownError(error);
    throw new HoldfastError(code, `${message}; it will be tried again`, { cause: error });
  }
}

type Gone = { readonly backup_id: string; readonly snapshot_id: string };

function tellDeleted({ state }: CleanerDeps, gone: Gone, { reason, actor, correlationid }: Going): void {
  const data = { ...gone, reason };
  state.tell('BackupDeleted', { subject: gone.backup_id, data, actor, correlationid });
}

/** A loss came after the decision and before a removal that had failed: what it wants stays, if it still can. */
async function spareWanted({ state, repository }: CleanerDeps): Promise<void> {
  const pinned = [...state.cases.pins().snapshots];
  const wanted = pinned.map(state.retention.goingOf).filter((going) => going !== undefined);
  if (wanted.length === 0) return;
  const there = new Set((await repository.snapshots()).map(({ id }) => id));
  state.write(() => {
    for (const { backup_id, snapshot_id } of wanted) {
      if (there.has(snapshot_id)) state.retention.unmarkGoing(backup_id);
    }
  });
}
