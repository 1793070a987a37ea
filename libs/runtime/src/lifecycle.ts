/** What `runUntilSignal` can run: every service, and all of them in one. */
export interface Runnable extends AsyncDisposable {
  /** Rejects when it cannot go on; never resolves. */
  readonly failed?: Promise<never>;
}

/**
 * Starts, serves until SIGTERM or SIGINT, then disposes and resolves; the process ends by itself when nothing is left
 * to do. Rejects, after disposing, with what `start` or `failed` rejected with. A second signal ends the process at
 * once with 130.
 */
export async function runUntilSignal(start: Runnable | (() => Promise<Runnable>)): Promise<void> {
  using signals = listenForSignals();
  await using service = typeof start === 'function' ? await start() : start;
  await Promise.race([signals.first, ...(service.failed === undefined ? [] : [service.failed])]);
}

function listenForSignals(): { first: Promise<NodeJS.Signals> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let asked = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // Somebody who asks twice does not want to wait for the draining; state on disk is safe at any moment.
    if (asked) process.exit(130);
    asked = true;
    resolve(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    first: promise,
    [Symbol.dispose]() {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}
