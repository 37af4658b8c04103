import type { Offline } from "../nats/offline-watch.ts";
import { streamNames, type StreamName } from "../store/outbox-row.ts";
import type { Labels, Metric } from "./exposition.ts";

/** How it stands with what waits to be sent, as of the last look at it. `now` in Unix ms. */
export function* offlineMetrics(offline: Offline, hasHub: boolean, now: number): Generator<Metric> {
  const gauge = (name: string, help: string, samples: (readonly [Labels, number])[]): Metric => ({
    name: `linegate_${name}`,
    help,
    type: "gauge",
    samples,
  });
  const each = (pick: (stream: StreamName) => number | undefined): (readonly [Labels, number])[] =>
    streamNames.flatMap((stream) => {
      const value = pick(stream);
      return value === undefined ? [] : [[{ stream }, value] as const];
    });
  const { streams, away, drainBytesPerSecond, drainedAt } = offline;
  yield gauge(
    "offline",
    "1 while it is away: nats (nats-server, or its JetStream) or hub",
    (hasHub ? (["nats", "hub"] as const) : (["nats"] as const)).map((what) => [
      { what },
      away === what ? 1 : 0,
    ]),
  );
  if (hasHub) {
    const help = "In the local stream, and not at the hub";
    yield gauge(
      "stream_waiting_messages",
      `Messages: ${help}`,
      each((name) => streams[name].stream.rows),
    );
    yield gauge(
      "stream_waiting_bytes",
      `Bytes: ${help}`,
      each((name) => streams[name].stream.bytes),
    );
    yield {
      name: "linegate_stream_dropped_total",
      help: "Messages that the local stream dropped for want of room before the hub had them",
      type: "counter",
      samples: each((name) => offline.lost[name].stream),
    };
  }
  yield gauge(
    "forward_oldest_seconds",
    "Age of the oldest message in the outbox or waiting for the hub",
    each((name) => age(streams[name].oldest, now)),
  );
  yield gauge(
    "forward_fill_ratio",
    "How much of the room for what waits is taken",
    each((name) => streams[name].fill),
  );
  yield gauge(
    "forward_left_seconds",
    "How long there is room at the present rate, while or if offline",
    each((name) => streams[name].left),
  );
  yield gauge(
    "forward_bytes_per_second",
    "How fast messages come",
    each((name) => streams[name].bytesPerSecond),
  );
  yield gauge("forward_drain_bytes_per_second", "By how much what waits becomes less; 0 where it does not", [
    [{}, drainBytesPerSecond ?? 0],
  ]);
  yield gauge("forward_drain_seconds", "Until all of it is sent, at that rate; 0 where nothing is drained", [
    [{}, drainedAt === undefined ? 0 : Math.max(0, drainedAt - now) / 1_000],
  ]);
  yield gauge("forward_thinned", "1 while windows are made coarser for want of room", [
    [{}, offline.thinnedTo === undefined ? 0 : 1],
  ]);
}

function age(at: number | undefined, now: number): number {
  return at === undefined ? 0 : Math.max(0, now - at) / 1_000;
}
