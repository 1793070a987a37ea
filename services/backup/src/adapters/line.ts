/** Work that is done one at a time, in the order in which it was asked for. */
export interface Line {
  /** Who asked is told how it ended; the next in line begins all the same. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Resolves when all that stands in line now is over, well or not. */
  over(): Promise<void>;
}

/** An empty line. */
export function createLine(): Line {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run: (work) => {
      const done = last.then(work);
      last = done.catch(() => undefined); // It is told to who asked.
      return done;
    },
    over: async () => void (await last),
  };
}

/** One line for each name. */
export interface Lines {
  run<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  over(): Promise<void>;
}

/** No line yet. */
export function createLines(): Lines {
  const lines = new Map<string, Line>();
  return {
    run: (name, work) => lines.getOrInsertComputed(name, createLine).run(work),
    over: async () => void (await Promise.all(Array.from(lines.values(), (line) => line.over()))),
  };
}
