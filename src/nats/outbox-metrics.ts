import type { Labels, Metric } from "../observability/exposition.ts";
import type { Outbox } from "../store/outbox.ts";
import type { StreamName } from "../store/outbox-row.ts";
import type { OutboxSender } from "./outbox-sender.ts";

/** Every figure of the outbox, read at the moment of the scrape. */
export function* outboxMetrics(
  outbox: Pick<Outbox, "backlog" | "kept" | "dropped" | "oldest">,
  senders: readonly (readonly [StreamName, Pick<OutboxSender, "counters" | "incarnation">])[],
  now: number,
): Generator<Metric> {
  const each = (
    pick: (stream: StreamName, sender: Pick<OutboxSender, "counters" | "incarnation">) => number,
  ) => senders.map(([stream, sender]): [Labels, number] => [{ stream }, pick(stream, sender)]);
  const gauge = (name: string, help: string, samples: [Labels, number][]): Metric => ({
    name: `linegate_outbox_${name}`,
    help,
    type: "gauge",
    samples,
  });
  const counter = (name: string, help: string, samples: [Labels, number][]): Metric => ({
    name: `linegate_outbox_${name}_total`,
    help,
    type: "counter",
    samples,
  });
  yield gauge(
    "messages",
    "Messages that wait for their ack",
    each((stream) => outbox.backlog(stream).rows),
  );
  yield gauge(
    "bytes",
    "What they take",
    each((stream) => outbox.backlog(stream).bytes),
  );
  yield gauge(
    "oldest_seconds",
    "Age of the oldest of them",
    each((stream) => {
      const oldest = outbox.oldest(stream);
      return oldest === undefined ? 0 : Math.max(0, now - oldest) / 1_000;
    }),
  );
  yield gauge("kept_messages", "Messages kept after their ack until they are surely synced", [
    [{}, outbox.kept.rows],
  ]);
  yield gauge("kept_bytes", "What they take", [[{}, outbox.kept.bytes]]);
  yield gauge(
    "incarnation",
    "Which incarnation of the stream is written to",
    each((_, { incarnation }) => incarnation),
  );
  yield counter(
    "acknowledged",
    "Messages that JetStream took",
    each((_, { counters }) => counters.acknowledged),
  );
  yield counter(
    "resent",
    "Messages sent more than once",
    each((_, { counters }) => counters.resent),
  );
  yield counter(
    "refused",
    "Messages that JetStream refused, and that are sent again",
    each((_, { counters }) => counters.refused),
  );
  yield counter(
    "dropped",
    "Messages lost, by reason: the outbox was full, the disk refused and the memory was full, too large for nats-server",
    senders.flatMap(([stream]) =>
      Object.entries(outbox.dropped(stream)).map(([reason, n]): [Labels, number] => [
        { stream, reason },
        Number(n),
      ]),
    ),
  );
}
