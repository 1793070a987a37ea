/** Ends with the command at the first Ctrl-C, in good order. */
export function abortOnInterrupt(): AbortSignal & Disposable {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once('SIGINT', abort);
  return Object.assign(controller.signal, { [Symbol.dispose]: () => void process.off('SIGINT', abort) });
}
