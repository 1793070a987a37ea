/** Resolves after the time, or at once when stopped. */
export function pause(delay_ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delay_ms);
    stopped.addEventListener('abort', end);
    if (stopped.aborted) end();
  });
}
