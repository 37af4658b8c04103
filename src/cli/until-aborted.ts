import type { Clock } from "../adapter-kit/clock.ts";

/** Aborted by the first SIGINT or SIGTERM. A second one ends the process at once, after `atOnce`. */
export function stopSignal(atOnce: () => void = () => undefined): AbortSignal & Disposable {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      atOnce();
      process.exit(130);
    }
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return Object.assign(controller.signal, {
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  });
}

/** Resolves when the signal aborts. Holds no timer: it does not keep the process alive. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/** Resolves when the signal aborts, or after so many seconds where they are given. Keeps the process alive until then. */
export async function untilAborted(
  signal: AbortSignal,
  seconds: number | undefined,
  clock: Clock,
): Promise<void> {
  const longest = 24 * 3_600;
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + seconds * 1_000;
  while (!signal.aborted && clock.monotonic() < end) {
    const left = Math.min(end - clock.monotonic(), longest * 1_000);
    await clock.sleep(left, signal).catch(() => undefined);
  }
}
