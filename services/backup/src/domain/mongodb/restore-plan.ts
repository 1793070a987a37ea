import { type ClusterTime, compareTimes, describeTime, laterOf } from './cluster-time.ts';
import { chainFrom, type SegmentName } from './segment.ts';

/** A whole copy of the collections. */
export interface BaseFacts {
  readonly id: string;
  /** Its changes are replayed from here: the copy began then. */
  readonly from: ClusterTime;
  /** With the changes up to here it is consistent: the copy was over then. Nothing before can be restored. */
  readonly through: ClusterTime;
}

/** What a backup holds of one source. */
export interface Holding {
  readonly bases: readonly BaseFacts[];
  readonly segments: readonly SegmentName[];
  /** When the log began that is gone on with; null where that is not known. No base from before it reaches into it. */
  readonly begins: ClusterTime | null;
  /** Nothing happened after the last segment up to here; null where that is not known. */
  readonly quiet: { readonly after: ClusterTime; readonly through: ClusterTime } | null;
}

/** What is read to restore one moment. */
export interface RestorePlan {
  readonly base: BaseFacts;
  readonly segments: readonly SegmentName[];
  readonly at: ClusterTime;
}

/** Why a moment cannot be restored, in one sentence. */
export interface Refusal {
  readonly refusal: string;
}

/** The newest base that is not newer than the moment, with all changes up to it; `at` null: the latest moment. */
export function planRestore(holding: Holding, at: ClusterTime | null): RestorePlan | Refusal {
  const reaches = holding.bases
    .map((base) => ({ base, ...reachOf(holding, base) }))
    .filter(({ base, through }) => compareTimes(base.through, through) <= 0)
    .sort((one, other) => compareTimes(other.base.from, one.base.from));
  const newest = reaches[0];
  if (newest === undefined) return { refusal: 'this backup holds no complete base' };
  if (at === null) return planOf(newest, newest.through);
  const found = reaches.find(
    ({ base, through }) => compareTimes(base.through, at) <= 0 && compareTimes(at, through) <= 0,
  );
  return found === undefined ? refused(reaches, at) : planOf(found, at);
}

interface ReachOfBase {
  readonly base: BaseFacts;
  readonly chain: readonly SegmentName[];
  readonly through: ClusterTime;
}

/** How far the log goes from a base on, without a gap. */
function reachOf({ segments, quiet, begins }: Holding, base: BaseFacts) {
  const isOfOlderLog = begins !== null && compareTimes(base.from, begins) < 0;
  const own = segments.filter(
    ({ from, to }) =>
      begins === null || (isOfOlderLog ? compareTimes(to, begins) <= 0 : compareTimes(begins, from) <= 0),
  );
  const chain = chainFrom(own, base.from);
  const end = chain.at(-1)?.to ?? base.from;
  if (quiet === null || isOfOlderLog) return { chain, through: end };
  const follows = compareTimes(quiet.after, end) === 0;
  const isWithin = compareTimes(quiet.after, end) <= 0 && compareTimes(end, quiet.through) <= 0;
  const goesOn = chain.length > 0 ? follows : isWithin;
  return { chain, through: goesOn ? laterOf(end, quiet.through) : end };
}

function planOf({ base, chain }: ReachOfBase, at: ClusterTime): RestorePlan {
  return { base, segments: chain.filter(({ from }) => compareTimes(from, at) < 0), at };
}

function refused(reaches: readonly ReachOfBase[], at: ClusterTime): Refusal {
  const spans = reaches
    .map(({ base, through }) => `${describeTime(base.through)} to ${describeTime(through)}`)
    .toReversed();
  return { refusal: `${describeTime(at)} is not in this backup; it holds ${spans.join(', and ')}` };
}
