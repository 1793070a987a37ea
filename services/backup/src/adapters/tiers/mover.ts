import type { MoveResult } from '@holdfast/contracts/http/backup';
import { newId } from '@holdfast/event-store/new-event';
import type { Placement } from '../../domain/tiers/state.ts';
import { createLine } from '../line.ts';
import { dropGoing } from './drop-copies.ts';
import { copyBackup, isOriginDamaged, type MoveDeps, tellDamaged } from './move-copy.ts';
import { placeBackups } from './place-backups.ts';
import { reconcileTier } from './reconcile-tiers.ts';
import { createTierTroubles, type TierTroubles } from './tier-troubles.ts';

/** Brings copies of backups to where they belong; one round at a time. */
export interface Mover extends AsyncDisposable {
  /** One round now; with `dry_run` only what it would do. What was found on every backup before it. */
  move(wish: { dry_run: boolean }): Promise<Moved>;
  /** Begins a round, if none is under way; the next ones come by themselves, hourly. */
  wake(): void;
}

/** What a round found, and what it did. */
export interface Moved extends Pick<MoveResult, 'copied' | 'dropped' | 'waiting'> {
  readonly placements: readonly Placement[];
}

const EVERY_MS = 3_600_000;
/** Between two rounds that nobody asked for. */
const AT_LEAST_MS = 60_000;
/** A backup that belongs two tiers on is copied there at once; its drop is the next pass. */
const PASSES_MAX = 4;

/** A mover that stands still until its first `wake`. */
export function createMover(deps: MoveDeps): Mover {
  const { clock, log } = deps.context;
  const stopping = new AbortController();
  const troubles = createTierTroubles(deps);
  const seen = new Map<string, string>();
  const line = createLine();
  let is_woken = false;
  let cancel: () => void = () => undefined;

  const again = () => {
    is_woken = false;
    if (stopping.signal.aborted) return;
    cancel();
    const wait_ms = Math.min(troubles.next_ms() - clock.now_ms(), EVERY_MS);
    cancel = clock.after(Math.max(wait_ms, AT_LEAST_MS), wake);
  };
  const wake = () => {
    if (is_woken || stopping.signal.aborted || deps.tiers.places.length === 1) return;
    is_woken = true;
    line
      .run(() => round(deps, { troubles, seen, signal: stopping.signal }))
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) log.error({ err: error }, 'backups were not moved; will retry');
      })
      .finally(again);
  };
  return {
    move: ({ dry_run }) =>
      line.run(async () => {
        if (!dry_run) return round(deps, { troubles, seen, signal: stopping.signal, now: true });
        const placements = await placeBackups(deps);
        return { placements, copied: 0, dropped: 0, waiting: 0 };
      }),
    wake,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancel();
      await line.over();
    },
  };
}

interface Round {
  /** Repositories that were looked into since the start, by their tiers. */
  readonly seen: Map<string, string>;
  readonly troubles: TierTroubles;
  readonly signal: AbortSignal;
  /** A person asked: tiers that fail are tried all the same. */
  readonly now?: boolean;
}

async function round(deps: MoveDeps, options: Round): Promise<Moved> {
  const correlationid = newId(deps.context.clock.now_ms());
  const blocked = new Set(options.now === true ? [] : options.troubles.resting());
  await lookInto(deps, { ...options, blocked, correlationid });
  const onFailed = (error: unknown, tier: string) => blocked.add(options.troubles.failed(error, tier));
  const drop = () => dropGoing(deps, { correlationid, onFailed });
  const done = { copied: 0, dropped: await drop() };
  let first: Placement[] | undefined;
  let waiting: Placement[] = [];
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const placements = await placeBackups(deps, { marks: true });
    first ??= placements;
    done.dropped += await drop();
    const copied = await copyAll(deps, placements, { ...options, blocked, correlationid });
    done.copied += copied;
    waiting = placements.filter(({ step }) => step.do === 'copy');
    if (copied === 0) break;
  }
  options.troubles.note(waiting, blocked, correlationid);
  deps.reclaimer.run();
  return { placements: first ?? [], ...done, waiting: waiting.length + deps.state.copies.going().length };
}

/** Does each tier answer? Once after a start, as soon as it does, what is noted of it is compared with what it holds. */
async function lookInto(deps: MoveDeps, options: CopyRound): Promise<void> {
  const { state, tiers } = deps;
  const { seen, blocked, troubles } = options;
  for (const { name } of tiers.places.slice(1)) {
    if (blocked.has(name)) continue;
    try {
      const repository = await tiers.get(name);
      if (seen.get(name) !== repository.id) await reconcileTier(deps, name, repository);
      seen.set(name, repository.id);
    } catch (error) {
      const is_new = state.tiers.get(name).repository_id === null && state.copies.count(name) === 0;
      if (!is_new) blocked.add(troubles.failed(error, name));
    }
  }
}

interface CopyRound extends Round {
  readonly blocked: Set<string>;
  readonly correlationid: string;
}

/** Copies what is to be copied, oldest first; how many it was. A tier that fails is left alone for the rest of the round. */
async function copyAll(
  deps: MoveDeps,
  placements: readonly Placement[],
  options: CopyRound,
): Promise<number> {
  const { blocked, signal } = options;
  const oldest_first = placements.toSorted((one, other) => one.backup.time_ms - other.backup.time_ms);
  let copied = 0;
  for (const { backup, step } of oldest_first) {
    if (step.do !== 'copy' || blocked.has(step.from) || blocked.has(step.to)) continue;
    signal.throwIfAborted();
    if (isFull(deps, step.to)) blocked.add(step.to);
    else if (await copyOne(deps, { backup_id: backup.backup_id, ...step }, options)) copied += 1;
  }
  return copied;
}

async function copyOne(
  deps: MoveDeps,
  { backup_id, from: near, to }: { backup_id: string; from: string; to: string },
  { blocked, troubles, signal, correlationid }: CopyRound,
): Promise<boolean> {
  const { state, context } = deps;
  const manifest = state.catalog.get(backup_id);
  const from = state.copies.of(backup_id).find(({ tier }) => tier === near);
  // Removed since it was decided.
  if (manifest === undefined || from === undefined) return false;
  let failing = near;
  try {
    await deps.tiers.get(near);
    failing = to;
    await copyBackup(deps, { manifest, from, to, correlationid, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (isOriginDamaged(error)) tellDamaged(deps, from, error);
    else blocked.add(troubles.failed(error, failing));
    return false;
  }
  troubles.worked(to, correlationid);
  context.log.info({ backup_id, from: near, to }, 'backup copied');
  return true;
}

/** People know: it was told when the threshold was crossed. */
function isFull({ state }: MoveDeps, tier: string): boolean {
  return state.tiers.get(tier).level === 'critical';
}
