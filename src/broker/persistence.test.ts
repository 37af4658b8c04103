import { Readable } from "node:stream";
import type { AedesPublishPacket, Client, Subscription } from "aedes";
import abstractPersistence from "aedes-persistence/abstract.js";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Persistence } from "./persistence.ts";
import { openPersistence } from "./testing.ts";

/** aedes-persistence's own tests that cannot apply, each with the reason. */
const inapplicable: Readonly<Record<string, string>> = {
  "store and look up a subscription with an MQTT 5.0 subscription identifier": "the broker speaks MQTT 3.1.1",
  "store and look up subscriptions by topic":
    "a session with two filters that match gets a message once, at the higher QoS (MQTT 3.1.1 §3.3.5)",
  "add incoming packet, get it, and clear with messageId":
    "of a QoS 2 message that was handed on only the identifier is kept (MQTT 3.1.1 figure 4.3, method B)",
  "store, fetch and delete will message": "wills stay with their connections: there is one broker only",
  "stream all will messages": "wills stay with their connections: there is one broker only",
  "stream all will message for unknown brokers":
    "wills stay with their connections: there is one broker only",
};

interface Peer {
  readonly id: string;
}

/** A persistence on the real store, as aedes-persistence's tests ask for one. */
class Tested {
  readonly #dir: string;
  readonly #restarts: boolean;
  readonly #ids = new Set<string>();
  #run: ReturnType<typeof openPersistence>;
  broker: { id: string } | undefined;

  constructor(dir: string, restarts: boolean) {
    this.#dir = dir;
    this.#restarts = restarts;
    this.#run = openPersistence(dir);
  }

  async setup(broker: { id: string }): Promise<void> {
    this.broker = broker;
  }

  async destroy(): Promise<void> {
    this.#run.close();
  }

  async storeRetained(packet: AedesPublishPacket) {
    return this.#run.persistence.storeRetained({ ...packet, brokerCounter: 1 });
  }

  createRetainedStream(filter: string) {
    return this.createRetainedStreamCombi([filter]);
  }

  createRetainedStreamCombi(filters: readonly string[]) {
    return this.#read().createRetainedStreamCombi(filters);
  }

  async addSubscriptions(peer: Peer, subscriptions: readonly Subscription[]) {
    await this.#run.persistence.addSubscriptions(this.#client(peer), subscriptions);
  }

  async removeSubscriptions(peer: Peer, topics: readonly string[]) {
    await this.#run.persistence.removeSubscriptions(this.#client(peer), topics);
  }

  async subscriptionsByClient(peer: Peer) {
    return this.#read().subscriptionsByClient(this.#client(peer));
  }

  async subscriptionsByTopic(topic: string) {
    return this.#read().subscriptionsByTopic(topic);
  }

  async cleanSubscriptions(peer: Peer) {
    await this.#run.persistence.cleanSubscriptions(this.#client(peer));
  }

  async countOffline() {
    const all = await this.#subscriptions();
    const subsCount = all.flatMap(([, held]) => held).filter(({ qos }) => qos > 0).length;
    return { subsCount, clientsCount: all.filter(([, held]) => held.length > 0).length };
  }

  getClientList(topic: string) {
    const all = this.#subscriptions();
    return Readable.from(
      (async function* having() {
        for (const [id, held] of await all) if (held.some((one) => one.topic === topic)) yield id;
      })(),
    );
  }

  async outgoingEnqueue(match: { clientId: string; topic: string; qos: 0 | 1 | 2 }, packet: object) {
    await this.outgoingEnqueueCombi([match], packet);
  }

  async outgoingEnqueueCombi(
    matches: readonly { clientId: string; topic: string; qos: 0 | 1 | 2 }[],
    packet: object,
  ) {
    // A session begins with its client; the tests leave that out.
    for (const { clientId, topic, qos } of matches)
      await this.addSubscriptions({ id: clientId }, [{ topic, qos }]);
    await this.#run.persistence.outgoingEnqueueCombi(matches, packet as never);
  }

  async outgoingUpdate(peer: Peer, packet: object) {
    await this.#run.persistence.outgoingUpdate(this.#client(peer), packet as never);
  }

  async outgoingClearMessageId(peer: Peer, packet: { messageId?: number }) {
    return this.#run.persistence.outgoingClearMessageId(this.#client(peer), packet);
  }

  outgoingStream(peer: Peer) {
    return this.#read().outgoingStream(this.#client(peer));
  }

  async incomingStorePacket(peer: Peer, packet: { messageId: number }) {
    await this.#run.persistence.incomingStorePacket(this.#client(peer), packet);
  }

  async incomingGetPacket(peer: Peer, packet: { messageId: number }) {
    return this.#read().incomingGetPacket(this.#client(peer), packet);
  }

  async cleanIncoming(peer: Peer) {
    // aedes asks for it after the session was ended.
    await this.#run.persistence.cleanSubscriptions(this.#client(peer));
    await this.#run.persistence.cleanIncoming(this.#client(peer));
  }

  async putWill() {
    await this.#run.persistence.putWill();
  }

  async delWill() {
    await this.#run.persistence.delWill();
  }

  /** What is looked at is what a restart finds. */
  #read(): Persistence {
    if (this.#restarts) {
      this.#run.close();
      this.#run = openPersistence(this.#dir);
    }
    return this.#run.persistence;
  }

  #client({ id }: Peer): Client {
    this.#ids.add(id);
    return { id, clean: false, conn: { user: "" } } as unknown as Client;
  }

  async #subscriptions(): Promise<[string, Subscription[]][]> {
    const persistence = this.#read();
    const ids = [...this.#ids];
    return Promise.all(
      ids.map(async (id): Promise<[string, Subscription[]]> => [
        id,
        await persistence.subscriptionsByClient({ id }),
      ]),
    );
  }
}

/** What these tests compare that MQTT 3.1.1 does not have, or that is the broker's own from run to run. */
const beside: ReadonlySet<string> = new Set(["id", "rh", "rap", "nl", "dup", "brokerId"]);

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([key]) => !beside.has(key));
  // A PUBREL has nothing but its identifier.
  const sent =
    "cmd" in value && value.cmd === "pubrel"
      ? fields.filter(([key]) => ["cmd", "messageId"].includes(key))
      : fields;
  return Object.fromEntries(sent.map(([key, one]) => [key, plain(one)]));
}

/** What node's own test runner hands to a test, as far as these ask for it. */
function contextOf() {
  let planned: number | undefined;
  let asserted = 0;
  const counted =
    <Args extends unknown[]>(check: (...args: Args) => void) =>
    (...args: Args) => {
      asserted += 1;
      check(...args);
    };
  return {
    plan: (count: number) => void (planned = count),
    diagnostic: () => undefined,
    assert: {
      equal: counted((one: unknown, other: unknown) => expect(one).toBe(other)),
      notEqual: counted((one: unknown, other: unknown) => expect(one).not.toBe(other)),
      deepEqual: counted((one: unknown, other: unknown) => expect(plain(one)).toEqual(plain(other))),
      ok: counted((value: unknown) => expect(value).toBeTruthy()),
    },
    end: () => expect(asserted).toBe(planned ?? asserted),
  };
}

describe.each([
  { name: "as it is", restarts: false },
  { name: "restarted before each look", restarts: true },
])("aedes-persistence's own tests, $name", ({ restarts }) => {
  abstractPersistence({
    testAsync: true,
    persistence: async () => {
      const dir = await mkdtemp(join(tmpdir(), "linegate-persistence-"));
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      return new Tested(dir, restarts);
    },
    test: (name: string, run: (context: object) => Promise<void>) =>
      // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- both come with the test
      test(name, async (ctx) => {
        const reason = inapplicable[name];
        ctx.skip(reason !== undefined, reason);
        const context = contextOf();
        await run(context);
        context.end();
      }),
  });
});
