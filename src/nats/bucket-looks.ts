import { jetstream } from "@nats-io/jetstream";
import { Kvm, type KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";

/**
 * What a look into a bucket may take in a test. One that comes in the moment in which the bucket is made is never answered
 * (a direct get from a stream that is not active yet), and a list of keys waits five seconds for a value that was replaced
 * after the server had counted it. A test that polls looks again.
 */
const lookWithinMs = 500;

/** The bucket as the client's KV API opens it; rejects where it is not there. */
export async function openBucket(connection: NatsConnection, bucket: string): Promise<KV> {
  return new Kvm(jetstream(connection, { timeout: lookWithinMs })).open(bucket);
}

/** All that the client's KV API finds, by key; rejects where the look was in vain. */
export async function bucketContents(kv: KV): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const keys = await kv.keys();
  let isWhole = true;
  const late = setTimeout(() => {
    isWhole = false;
    keys.stop();
  }, lookWithinMs);
  try {
    for await (const key of keys) found[key] = (await kv.get(key))?.string() ?? "";
  } finally {
    clearTimeout(late);
  }
  if (!isWhole) throw new TypeError("the list of keys does not end");
  return found;
}
