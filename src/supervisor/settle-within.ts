/**
 * Waits for `work`, but once the signal aborts for no longer than `graceMs`; then `onAbandoned` is called and the
 * signal's reason thrown. A later rejection of abandoned work is swallowed.
 */
export async function settleWithin<T>(
  work: Promise<T>,
  signal: AbortSignal,
  graceMs: number,
  onAbandoned: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const abandoned = Promise.withResolvers<never>();
  const startGrace = () => {
    timer = setTimeout(() => {
      work.catch(() => undefined);
      onAbandoned();
      abandoned.reject(signal.reason);
    }, graceMs);
  };
  if (signal.aborted) startGrace();
  else signal.addEventListener("abort", startGrace, { once: true });
  try {
    return await Promise.race([work, abandoned.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", startGrace);
  }
}
