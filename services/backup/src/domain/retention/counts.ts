import type { EventData } from '@holdfast/contracts/catalog';
import type { Verdict } from './state.ts';

/** How many stay and go, in all and of each source. */
export function countsOf(
  verdicts: readonly Verdict[],
): Pick<EventData<'RetentionApplied'>, 'kept' | 'removed' | 'sources'> {
  const bySource = Map.groupBy(verdicts, ({ backup }) => backup.source);
  const sources = Array.from(bySource, ([source, group]) => ({ source, ...count(group) }));
  return { ...count(verdicts), sources };
}

function count(verdicts: readonly Verdict[]): { kept: number; removed: number } {
  const kept = verdicts.filter(({ stays }) => stays).length;
  return { kept, removed: verdicts.length - kept };
}
