import type { Observer } from "rxjs";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";

/** Failures of one service are logged at most this often. */
const logEveryMs = 10_000;

/**
 * An observer that keeps a failing service from failing the line: what `next` throws is counted and logged, the stream
 * goes on. RxJS by itself would report it as an uncaught exception, which ends the process.
 */
export function isolate<T>(
  service: string,
  log: Log,
  next: (value: T) => void,
  now: () => number = Date.now,
): Observer<T> {
  let failures = 0;
  let loggedAt = -Infinity;
  return {
    next: (value) => {
      try {
        next(value);
      } catch (caught) {
        failures += 1;
        if (now() - loggedAt < logEveryMs) return;
        loggedAt = now();
        log.error(
          { service, failures, error: toGatewayError(caught) },
          "a service failed on a reading; the line goes on",
        );
      }
    },
    error: (caught) => log.error({ service, error: toGatewayError(caught) }, "the stream of readings failed"),
    complete: () => {},
  };
}
