import type { StateStore } from "./state-store.ts";

/** The state store in memory, for tests; `kept` says what a restart would find. */
export function memoryStore(kept = new Map<string, Map<string, string>>()): StateStore & {
  readonly kept: ReadonlyMap<string, ReadonlyMap<string, string>>;
} {
  return {
    kept,
    read: (scope) =>
      new Map([...(kept.get(scope) ?? [])].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    change: async (changes) => {
      for (const { scope, key, value } of changes) {
        const entries = kept.get(scope) ?? new Map<string, string>();
        kept.set(scope, entries);
        if (value === null) entries.delete(key);
        else entries.set(key, value);
      }
      return "stored";
    },
  };
}
