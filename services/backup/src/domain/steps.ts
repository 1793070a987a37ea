/** A decision with pauses in it: whoever decides on very many backups answers others meanwhile. */
export type Steps<Result = void> = Generator<undefined, Result>;

/** So many backups are looked at between two pauses: about a millisecond's work. */
export const STEP = 1_000;

/** The whole decision at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
