import { readSecret } from "../security/read-secret.ts";
import type { TargetOptions } from "./device-target.ts";
import { readingOf, stateOf, type ReadingSink } from "./published.ts";
import { RemoteBroker } from "./remote-broker.ts";

/** What a running gateway publishes, from its broker, the retained values first, or from its nats-server: by the URL. Rejects where none answers. */
export async function followGateway(
  url: string,
  sink: ReadingSink,
  { user, password, ca }: TargetOptions,
): Promise<AsyncDisposable> {
  const secrets = { siteDir: ".", environment: process.env };
  const secret = password === undefined ? undefined : await readSecret(password, secrets);
  const login = { url, user, password: secret, ca };
  if (/^(nats|tls):\/\//.test(url))
    return (await import("./nats-readings.ts")).NatsReadings.start(login, sink);
  const broker = await RemoteBroker.connect(login);
  broker.subscribe(`data/${sink.site}/#`, ({ topic, payload }) => {
    const reading = readingOf(topic, payload);
    if (reading !== undefined) sink.onReading(reading);
  });
  broker.subscribe(`state/${sink.site}/+`, ({ topic, payload }) => {
    const state = stateOf(payload);
    if (state !== undefined) sink.onState(topic.split("/").at(-1) ?? "", state);
  });
  return { [Symbol.asyncDispose]: () => broker.close() };
}
