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

export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
}

/** What a stream holds; undefined where the server does not say, or the stream is not there yet. */
export async function streamState(url: string, stream: string): Promise<StreamState | undefined> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  try {
    const reply = await connection.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 2_000 });
    return reply.json<{ state?: StreamState }>().state;
  } catch {
    return undefined;
  } finally {
    await connection.close();
  }
}

/** How many messages of a stream the hub does not have yet; Infinity where one of the two does not say. */
export async function missingAt(hub: string, local: string, stream: string): Promise<number> {
  const [here, there] = [await streamState(local, stream), await streamState(hub, stream)];
  return here === undefined || there === undefined ? Infinity : here.messages - there.messages;
}
