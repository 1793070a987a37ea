import { Slice } from '@holdfast/repository/slice';
import { decideInSteps } from '../../domain/retention/decide.ts';
import type { Verdict } from '../../domain/retention/state.ts';
import type { SnapshotDeps } from '../backup-run/make-snapshot.ts';
import { inSlices } from '../in-slices.ts';
import { markAll } from '../mark-all.ts';
import { pinnedBackups, pinsNow } from './pinned-backups.ts';

/** What is decided on one source, and whether it may still be acted on. */
export interface Judgement {
  readonly verdicts: readonly Verdict[];
  /** Inside `write`: true where nothing has come meanwhile that could let one of these stay. */
  holdsFor(verdicts: readonly Verdict[]): boolean;
}

/** The verdicts on all backups of a source, in short steps: nobody waits for 100,000 of them. */
export async function judgeSource(deps: SnapshotDeps, source: string): Promise<Judgement> {
  const { state, settings, context } = deps;
  const revision = state.catalog.revision();
  const slice = new Slice();
  const backups = await pinnedBackups(state, source, slice);
  const steps = decideInSteps(backups, settings.retention, context.clock.now_ms());
  const verdicts = await inSlices(steps, slice);
  return {
    verdicts,
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
    const { verdicts, holdsFor } = await judgeSource(deps, source);
    const mark = (verdict: Verdict) => {
      marked.push(verdict);
      onGo(verdict);
    };
    const going = verdicts.filter(({ stays }) => !stays);
    if (await markAll(deps.state, going, { holds: holdsFor, mark })) {
      return marked.concat(verdicts.filter(({ stays }) => stays));
    }
  }
}
