import { setImmediate } from 'node:timers/promises';
import { decideInSteps } from '../../domain/retention/decide.ts';
import type { RetainedBackup, Verdict } from '../../domain/retention/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { pinsNow } from './pinned-backups.ts';
import type { CatalogedBackup } from './retention-table.ts';

/** What is decided on one source, and whether it may still be acted on. */
export interface Judgement {
  readonly verdicts: readonly Verdict[];
  /** Inside `write`: true where nothing has come meanwhile that could let one of these stay. */
  holdsFor(verdicts: readonly Verdict[]): boolean;
}

/** Others are answered after so long, however many backups there are. */
const SLICE_MS = 5;
const PAGE = 500;
const MARK_AT_ONCE = 200;

/** The verdicts on all backups of a source, in short steps: nobody waits for 100,000 of them. */
export async function judgeSource(deps: SnapshotDeps, source: string): Promise<Judgement> {
  const { state, settings, context } = deps;
  const revision = state.catalog.revision();
  const pause = createPause();
  const pinOf = pinsNow(state);
  const backups: RetainedBackup[] = [];
  let page: CatalogedBackup[] = [];
  do {
    page = state.retention.page(source, page.at(-1) ?? null, PAGE);
    for (const one of page) backups.push({ ...one, pin: pinOf(one) });
    if (pause.is_due()) await pause.others();
  } while (page.length > 0);
  const steps = decideInSteps(backups, settings.retention, context.clock.now_ms());
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) if (pause.is_due()) await pause.others();
  return {
    verdicts: step.value,
    holdsFor: (some) => {
      const pinNow = pinsNow(state);
      return state.catalog.revision() === revision && some.every(({ backup }) => pinNow(backup) === null);
    },
  };
}

/** The same, and `onGo` is called for each that goes, in transactions in which that is still right. */
export async function judgeAndMark(
  deps: SnapshotDeps,
  source: string,
  onGo: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const marked: Verdict[] = [];
  for (;;) {
    const judgement = await judgeSource(deps, source);
    if (await markAll(deps, judgement, (verdict) => marked.push(verdict) && onGo(verdict))) {
      return marked.concat(judgement.verdicts.filter(({ stays }) => stays));
    }
  }
}

/** False where what was decided does not hold any more; those that were called for are on their way out all the same. */
async function markAll(
  { state }: SnapshotDeps,
  { verdicts, holdsFor }: Judgement,
  onGo: (verdict: Verdict) => void,
): Promise<boolean> {
  const going = verdicts.filter(({ stays }) => !stays);
  for (let start = 0; start < going.length; start += MARK_AT_ONCE) {
    const some = going.slice(start, start + MARK_AT_ONCE);
    const holds = state.write(() => {
      if (!holdsFor(some)) return false;
      for (const verdict of some) onGo(verdict);
      return true;
    });
    if (!holds) return false;
    await setImmediate();
  }
  return true;
}

/** Says when the slice is used up, and lets others in. */
function createPause() {
  let began = performance.now();
  return {
    is_due: () => performance.now() - began >= SLICE_MS,
    others: async () => {
      await setImmediate();
      began = performance.now();
    },
  };
}
