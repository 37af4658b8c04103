import { connect } from "@nats-io/transport-node";

/** A line service of the plainest kind: one subscription, in the benchmark's own process. */
export interface BenchClient extends AsyncDisposable {
  /** `performance.now()` at the first message. */
  readonly firstAt: Promise<number>;
}

export async function subscribeEarly(
  url: string,
  subject: string,
  onMessage: (subject: string, data: Uint8Array) => void = () => {},
): Promise<BenchClient> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  const first = Promise.withResolvers<number>();
  connection.subscribe(subject, {
    callback: (_, message) => {
      first.resolve(performance.now());
      onMessage(message.subject, message.data);
    },
  });
  await connection.flush();
  return { firstAt: first.promise, [Symbol.asyncDispose]: () => connection.close() };
}
