type Work<Result> = () => Promise<Result>;

/** Lets work of one kind go on side by side, and work of another kind only alone. */
export interface Gate {
  /** Beside others of its kind; after what wanted to be alone before it. */
  shared<Result>(work: Work<Result>): Promise<Result>;
  /** After all that came before it, and before all that comes after it. */
  alone<Result>(work: Work<Result>): Promise<Result>;
}

/** An open gate. */
export function createGate(): Gate {
  const inside = new Set<Promise<unknown>>();
  let last_alone: Promise<unknown> = Promise.resolve();
  const noted = <Result>(run: Promise<Result>): Promise<Result> => {
    // What fails fails for its caller: others only wait for its end.
    const over = run.catch(() => undefined).finally(() => inside.delete(over));
    inside.add(over);
    return run;
  };
  return {
    shared: (work) => noted(last_alone.then(work)),
    alone: (work) => {
      const run = noted(Promise.all(inside).then(work));
      last_alone = run.catch(() => undefined);
      return run;
    },
  };
}
