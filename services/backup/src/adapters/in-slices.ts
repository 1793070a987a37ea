import { Slice } from '@holdfast/repository/slice';
import type { Steps } from '../domain/steps.ts';

/** A decision in slices of some milliseconds, between which others have the event loop. */
export async function inSlices<Result>(steps: Steps<Result>, slice = new Slice()): Promise<Result> {
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) await slice.rest();
  return step.value;
}
