import { Observable, type OperatorFunction } from "rxjs";

/**
 * The newest value of each key, given out together every `periodMs`; nothing where nothing came. Holds at most one value
 * a key, whatever the rate of the source: for subscribers that look, such as a screen.
 */
export function conflate<T>(
  key: (value: T) => string,
  periodMs: number,
): OperatorFunction<T, ReadonlyMap<string, T>> {
  return (source) =>
    new Observable((subscriber) => {
      let latest = new Map<string, T>();
      const flush = () => {
        if (latest.size === 0) return;
        const out = latest;
        latest = new Map();
        subscriber.next(out);
      };
      const timer = setInterval(flush, periodMs);
      const subscription = source.subscribe({
        next: (value) => void latest.set(key(value), value),
        error: (error) => subscriber.error(error),
        complete: () => {
          flush();
          subscriber.complete();
        },
      });
      return () => {
        clearInterval(timer);
        subscription.unsubscribe();
      };
    });
}
