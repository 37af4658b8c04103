import type { BrokerCounters } from "./counters.ts";
import type { Journal } from "./journal.ts";
import type { RetainedStore } from "./retained-store.ts";
import type { SessionStore } from "./session-store.ts";

/** Takes over what the journal found on disk; returns the highest number of a message that was kept. */
export function restore(
  journal: Journal,
  sessions: SessionStore,
  retained: RetainedStore,
  counters: BrokerCounters,
): number {
  const kept = journal.takeRestored();
  sessions.restore(kept.sessions);
  retained.restore(kept.retained);
  counters.restoredSessions = counters.sessions;
  counters.restoredMessages = counters.queuedMessages;
  counters.restoredRetained = counters.retainedMessages;
  const numbers = kept.sessions.flatMap(({ outgoing }) => outgoing.map(({ brokerCounter }) => brokerCounter));
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
