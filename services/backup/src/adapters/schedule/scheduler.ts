import { newId } from '@holdfast/event-store/new-event';
import type { ProtectedSource } from '../../config.ts';
import { type Due, dueSlot, startable } from '../../domain/schedule/decide.ts';
import { covers, typeOf } from '../../domain/schedule/define.ts';
import type { Schedule } from '../../domain/schedule/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import type { Runner } from '../backup-run/runner.ts';
import { createSlotClaimer, type SlotClaimer } from './claim-slot.ts';
import { checkOverdue, slotsOf } from './obligations.ts';

/** Starts what schedules want, when they want it. */
export interface Scheduler extends AsyncDisposable {
  /** A schedule was changed, or the service begins. */
  wake(): void;
  /** The sources that a schedule backs up. */
  sourcesOf(schedule: Schedule): ProtectedSource[];
  /** When it starts next; null: never by itself. */
  next(schedule: Schedule): number | null;
}

export interface SchedulerDeps extends SnapshotDeps {
  readonly runner: Runner;
  /** What fell due while nobody was here waits until then. */
  readonly not_before_ms: number;
}

/** Clocks are set, and machines sleep: however far the next slot is, it is looked at again. */
const LOOK_AGAIN_MS = 60_000;
/** What is made up after a start is given so long before it counts as overdue. */
const OVERDUE_GRACE_MS = 300_000;

interface Parts extends SchedulerDeps {
  readonly claimer: SlotClaimer;
}

/** A scheduler that stands still until its first `wake`. */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { state, settings, context, not_before_ms } = deps;
  const { clock, log } = context;
  const parts = { ...deps, claimer: createSlotClaimer(context, state.schedules.instance) };
  let working = Promise.resolve();
  let cancel: () => void = () => undefined;
  let stopped = false;

  const look = () => {
    if (stopped) return;
    cancel();
    working = working.then(async () => {
      const next_ms = await round(parts).catch((error: unknown) => {
        log.error({ err: error }, 'schedules could not be looked at; will retry');
        return clock.now_ms() + LOOK_AGAIN_MS;
      });
      cancel();
      if (!stopped) cancel = clock.after(Math.max(0, next_ms - clock.now_ms()), look);
    });
  };
  const due = (schedule: Schedule): Due | null => dueOf(parts, schedule);
  return {
    wake: look,
    sourcesOf: (schedule) => settings.sources.filter(({ plan }) => covers(schedule, plan)),
    next: (schedule) => {
      const found = due(schedule);
      if (found === null) return null;
      return found.slot_ms === null ? found.next_ms : Math.max(clock.now_ms(), not_before_ms);
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      cancel();
      await working;
    },
  };
}

/** Null where no clock starts it. */
function dueOf({ settings, context }: Parts, schedule: Schedule): Due | null {
  const slots = schedule.config.enabled ? slotsOf(schedule, settings.time_zone) : null;
  if (slots === null) return null;
  return dueSlot(schedule, { slots, key: `${context.host} ${schedule.name}` }, context.clock.now_ms());
}

/** Acts on all that is due; when to look again. */
async function round(parts: Parts): Promise<number> {
  const { state, context, not_before_ms } = parts;
  const now_ms = context.clock.now_ms();
  if (now_ms < not_before_ms) return Math.min(not_before_ms, now_ms + LOOK_AGAIN_MS);
  let next_ms = now_ms + LOOK_AGAIN_MS;
  for (const schedule of state.schedules.list()) {
    const due = dueOf(parts, schedule);
    if (due === null) continue;
    if (due.rewound) state.write(() => state.schedules.advance(schedule.name, now_ms));
    if (due.slot_ms !== null) await runSlot(parts, schedule, due.slot_ms);
    next_ms = Math.min(next_ms, due.next_ms ?? next_ms);
  }
  if (now_ms >= not_before_ms + OVERDUE_GRACE_MS) checkOverdue(parts);
  return next_ms;
}

async function runSlot(parts: Parts, schedule: Schedule, slot_ms: number): Promise<void> {
  const { state, context, runner, claimer, settings } = parts;
  const { name, version } = schedule;
  const ours = await claimer.claim(name, slot_ms);
  // It was changed meanwhile: what is due now is another question.
  if (state.schedules.get(name)?.version !== version) return;
  const sources = settings.sources.filter(({ plan }) => covers(schedule, plan)).map((source) => source.name);
  if (!ours) return leave(parts, { name, slot_ms, sources });
  const wishes = startable(
    sources.map((source) => ({ source, type: typeOf(schedule) })),
    state.runs.open(),
  );
  const correlationid = newId(context.clock.now_ms());
  const common = {
    reason: 'schedule',
    schedule: name,
    compression: true,
    correlationid,
    actor: 'holdfast',
  } as const;
  runner.request(
    wishes.map((wish) => ({ ...wish, ...common })),
    () => state.schedules.advance(name, slot_ms),
  );
  context.log.info({ schedule: name, slot_ms, sources: wishes.map(({ source }) => source) }, 'schedule runs');
}

/** Another instance of this host has taken the slot, and answers for it. */
function leave(
  { state, context }: Parts,
  { name, slot_ms, sources }: { name: string; slot_ms: number; sources: readonly string[] },
): void {
  state.write(() => {
    state.schedules.advance(name, slot_ms);
    for (const source of sources) {
      state.schedules.done(name, source, slot_ms);
      if (state.walks.last(source) !== null) state.walks.mark(source, slot_ms);
    }
  });
  context.log.info({ schedule: name, slot_ms }, 'another instance runs the schedule');
}
