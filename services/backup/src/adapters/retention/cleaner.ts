import { HoldfastError } from '@holdfast/contracts/errors';
import { newId } from '@holdfast/event-store/new-event';
import { countsOf } from '../../domain/retention/counts.ts';
import { protectionOf } from '../../domain/retention/decide.ts';
import type { Verdict } from '../../domain/retention/state.ts';
import type { BackupMetrics } from '../../metrics.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { toKnownError } from '../backup-run/run-error.ts';
import { createLine } from '../line.ts';
import { forgetIn } from './forget-snapshots.ts';
import { judgeAndMark, judgeSource } from './judge-backups.ts';
import type { Reclaimer } from './reclaim.ts';
import type { Going, GoingBackup } from './retention-table.ts';

/** Removes what retention does not keep, and what people ask to be removed; one thing at a time. */
export interface Cleaner extends AsyncDisposable {
  /** Applies the policy; with `dry_run` only says what it would do. The verdict on every backup. */
  cleanUp(wish: { dry_run: boolean; actor: string }): Promise<Verdict[]>;
  /** Removes one backup; `conflict` where it is protected, `not_found`. */
  remove(backup_id: string, actor: string): Promise<void>;
  /** After a backup: cleans up, where the configuration wants it and the last time is an hour ago. */
  wake(options?: { now: boolean }): void;
  /** At start: ends removals that a crash had cut off. */
  resume(): void;
}

export interface CleanerDeps extends SnapshotDeps {
  readonly metrics: BackupMetrics;
  readonly reclaimer: Reclaimer;
}

const EVERY_MS = 3_600_000;
const AT_ONCE = 100;

/** A cleaner that stands still until it is asked. */
export function createCleaner(deps: CleanerDeps): Cleaner {
  const { settings, reclaimer, context } = deps;
  const { clock, log } = context;
  const stopping = new AbortController();
  const line = createLine();
  let cleaned_ms = Number.NEGATIVE_INFINITY;

  const inLine = <Result>(work: () => Promise<Result>): Promise<Result> =>
    line.run(async () => {
      if (stopping.signal.aborted) throw new HoldfastError('interrupted', 'the service stops');
      return work();
    });
  const behind = (work: () => Promise<unknown>) => {
    inLine(work).catch((error: unknown) => {
      if (!stopping.signal.aborted) log.error({ err: error }, 'old backups were not removed; will retry');
    });
  };
  const cleanUpAlone = (now: boolean) => {
    const now_ms = clock.now_ms();
    if (!now && Math.abs(now_ms - cleaned_ms) < EVERY_MS) return;
    cleaned_ms = now_ms;
    behind(async () => {
      await applyRetention(deps, { actor: 'holdfast', reason: 'schedule' });
      reclaimer.run({ now });
    });
  };
  return {
    cleanUp: ({ dry_run, actor }) =>
      inLine(async () => {
        if (dry_run) return verdicts(deps, null);
        const all = await applyRetention(deps, { actor, reason: 'request' });
        reclaimer.run({ now: true });
        return all;
      }),
    remove: (backup_id, actor) =>
      inLine(async () => {
        await markOne(deps, backup_id, actor);
        await removeGoing(deps);
        reclaimer.run({ now: true });
      }),
    wake: ({ now } = { now: false }) => {
      if (settings.auto_cleanup && settings.retention.rules.length > 0) cleanUpAlone(now);
    },
    resume: () => behind(() => removeGoing(deps)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await line.over();
    },
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
  return all;
}

/** Decides source by source; `onGo` (null: nothing is removed) is called inside the transaction in which it holds. */
async function verdicts(deps: CleanerDeps, onGo: ((verdict: Verdict) => void) | null): Promise<Verdict[]> {
  const all: (readonly Verdict[])[] = [];
  for (const source of deps.state.retention.sources()) {
    all.push(
      onGo === null ? (await judgeSource(deps, source)).verdicts : await judgeAndMark(deps, source, onGo),
    );
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
 * Removes all that is marked as going: first from the repositories of all tiers, then told and out of the catalog in one
 * transaction. A crash between leaves the mark, as does a tier that is away, and the same is done again.
 */
async function removeGoing(deps: CleanerDeps): Promise<void> {
  const { state, metrics } = deps;
  await spareWanted(deps);
  const failures: unknown[] = [];
  const stuck = new Set<string>();
  const next = () => state.retention.going(AT_ONCE, stuck);
  for (let going = next(); going.length > 0; going = next()) {
    for (const [reason, group] of Map.groupBy(going, ({ why }) => why.reason)) {
      const gone = await forgetCopies(deps, group, { reason, failures });
      state.write(() => {
        for (const { backup_id, snapshot_id, why } of gone)
          tellDeleted(deps, { backup_id, snapshot_id }, why);
      });
      metrics.removed(gone.length);
      for (const one of group) if (!gone.includes(one)) stuck.add(one.backup_id);
    }
  }
  if (failures.length > 0) throw failures[0];
}

interface Forgetting {
  readonly reason: string;
  readonly failures: unknown[];
}

/** Forgets all copies of some backups; those of which none is left. What a tier refuses is added to the failures. */
async function forgetCopies(
  deps: CleanerDeps,
  some: readonly GoingBackup[],
  { reason, failures }: Forgetting,
): Promise<GoingBackup[]> {
  const { state, tiers, reclaimer } = deps;
  const stuck = new Set<string>();
  const copies = some.flatMap(({ backup_id }) => state.copies.every(backup_id));
  for (const [tier, group] of Map.groupBy(copies, (copy) => copy.tier)) {
    try {
      await forgetIn(await tiers.get(tier), group, reason);
      reclaimer.note(tier);
    } catch (error) {
      const { code, message } = toKnownError(error);
      failures.push(new HoldfastError(code, `${message}; it will be tried again`, { cause: error }));
      for (const { backup_id } of group) stuck.add(backup_id);
    }
  }
  return some.filter(({ backup_id }) => !stuck.has(backup_id));
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
