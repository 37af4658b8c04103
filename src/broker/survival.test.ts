import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "aedes";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { openPersistence } from "./testing.ts";

type Step =
  | { readonly do: "subscribe"; readonly who: number; readonly filter: string; readonly qos: 1 | 2 }
  | { readonly do: "publish"; readonly topic: string; readonly qos: 1 | 2; readonly waits: boolean }
  | { readonly do: "send"; readonly who: number }
  | { readonly do: "acknowledge"; readonly who: number }
  | { readonly do: "take"; readonly who: number; readonly id: number }
  | { readonly do: "release"; readonly who: number; readonly id: number }
  | { readonly do: "kill" };

const who = fc.integer({ min: 0, max: 1 });
const id = fc.integer({ min: 1, max: 4 });
const qos = fc.constantFrom<1 | 2>(1, 2);
const topics = ["a/b", "a/c", "d"];
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("subscribe" as const),
    who,
    filter: fc.constantFrom("a/+", "#", ...topics),
    qos,
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      topic: fc.constantFrom(...topics),
      qos,
      waits: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("send" as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), who }) },
  fc.record({ do: fc.constant("take" as const), who, id }),
  fc.record({ do: fc.constant("release" as const), who, id }),
  fc.record({ do: fc.constant("kill" as const) }),
);

/** What one session is known to hold: for sure, or perhaps, since nobody waited for the commit. */
interface Model {
  readonly filters: Map<string, 1 | 2>;
  /** By number, oldest first. */
  readonly sure: Map<number, string>;
  readonly perhaps: Map<number, string>;
  readonly inbound: Set<number>;
  readonly perhapsInbound: Set<number>;
}

const matches = (filter: string, topic: string) =>
  filter === "#" || filter === topic || (filter === "a/+" && topic.startsWith("a/"));

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-survival-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The sessions of a broker that is killed now and then, beside a plain model of what must be there afterwards. */
class Survival {
  readonly breaches: string[] = [];
  #dir: string;
  #run: ReturnType<typeof openPersistence>;
  #number = 0;
  #identifier = 0;
  readonly #models: readonly Model[] = [0, 1].map(() => ({
    filters: new Map(),
    sure: new Map(),
    perhaps: new Map(),
    inbound: new Set(),
    perhapsInbound: new Set(),
  }));

  constructor(dir: string) {
    this.#dir = dir;
    this.#run = openPersistence(dir);
  }

  close(): void {
    this.#run.close();
  }

  async take(step: Step): Promise<void> {
    const { persistence, sessions } = this.#run;
    if (step.do === "kill") return this.#kill();
    if (step.do === "publish") return this.#publish(step.topic, step.qos, step.waits);
    const model = this.#models[step.who] as Model;
    const client = clientOf(step.who);
    const session = sessions.open(client.id, "");
    switch (step.do) {
      case "subscribe":
        await persistence.addSubscriptions(client, [{ topic: step.filter, qos: step.qos }]);
        // What stands already needs no commit.
        if (model.filters.get(step.filter) !== step.qos) this.#committed();
        model.filters.set(step.filter, step.qos);
        return;
      case "send": {
        const next = session.outgoing().find(({ messageId }) => messageId === undefined);
        this.#identifier += 1;
        if (next !== undefined)
          await persistence.outgoingUpdate(client, { ...next, messageId: this.#identifier } as never);
        return;
      }
      case "acknowledge": {
        const sent = session.outgoing().find(({ messageId }) => messageId !== undefined);
        if (sent === undefined) return;
        await persistence.outgoingClearMessageId(client, sent as { messageId: number });
        model.perhaps.set(sent.brokerCounter, sent.topic);
        model.sure.delete(sent.brokerCounter);
        return;
      }
      case "take":
        persistence.takeInbound(client, step.id);
        if (!model.inbound.has(step.id)) model.perhapsInbound.add(step.id);
        return;
      case "release":
        if (!persistence.hasInbound(client, step.id)) return;
        await persistence.incomingDelPacket(client, { messageId: step.id });
        this.#committed();
        model.inbound.delete(step.id);
    }
  }

  async #publish(topic: string, qos: 1 | 2, waits: boolean): Promise<void> {
    const { persistence, holds } = this.#run;
    this.#number += 1;
    const packet = {
      cmd: "publish",
      topic,
      payload: Buffer.from(`${this.#number}`),
      qos,
      retain: false,
      dup: false,
    };
    const numbered = { ...packet, brokerCounter: this.#number, clientId: "device" } as never;
    const found = await persistence.subscriptionsByTopic(topic);
    const wanted = this.#models.flatMap(({ filters }, index) =>
      [...filters.keys()].some((filter) => matches(filter, topic)) ? [clientOf(index).id] : [],
    );
    const told = found.map(({ clientId }) => clientId).toSorted();
    this.#check(
      isDeepStrictEqual(told, wanted),
      `${topic} goes to ${told.join()} instead of ${wanted.join()}`,
    );
    await persistence.outgoingEnqueueCombi(found, numbered);
    for (const [index, model] of this.#models.entries())
      if (wanted.includes(clientOf(index).id)) model.perhaps.set(this.#number, topic);
    const until = holds.of(numbered);
    this.#check((until !== undefined) === wanted.length > 0, "its sender waits for nothing");
    if (!waits || until === undefined) return;
    await until;
    this.#committed();
  }

  /** All that was noted before is on disk: what the memory holds is sure. */
  #committed(): void {
    for (const [index, { sure, perhaps, inbound, perhapsInbound }] of this.#models.entries()) {
      const session = this.#run.sessions.get(clientOf(index).id);
      perhaps.clear();
      sure.clear();
      for (const { brokerCounter, topic } of session?.outgoing() ?? []) sure.set(brokerCounter, topic);
      for (const one of perhapsInbound) inbound.add(one);
      perhapsInbound.clear();
    }
  }

  /** Nothing of this run does anything more: the next one finds the files as they stand. */
  async #kill(): Promise<void> {
    const dir = await folder();
    // The index of the log is made anew by whoever opens it.
    cpSync(this.#dir, dir, { recursive: true, filter: (path) => !path.endsWith("-shm") });
    this.#run.close();
    this.#dir = dir;
    this.#run = openPersistence(dir);
    for (const [index, model] of this.#models.entries()) {
      const session = this.#run.sessions.get(clientOf(index).id);
      const found = (session?.outgoing() ?? []).map(({ brokerCounter }) => brokerCounter);
      const ascending = found.toSorted((one, other) => one - other);
      this.#check(isDeepStrictEqual(found, ascending), `out of order: ${found.join()}`);
      this.#checkFound(found, new Set(model.sure.keys()), new Set(model.perhaps.keys()), "messages");
      const filters = new Map(
        [...(session?.subscriptions.values() ?? [])].map(({ topic, qos }) => [topic, qos]),
      );
      this.#check(isDeepStrictEqual(filters, model.filters), `subscriptions ${[...filters.keys()].join()}`);
      const open = [...(session?.inbound ?? [])];
      this.#checkFound(open, model.inbound, model.perhapsInbound, "identifiers");
      model.inbound.clear();
      model.perhapsInbound.clear();
      for (const one of open) model.perhapsInbound.add(one);
    }
    this.#committed();
  }

  #checkFound(
    found: readonly number[],
    sure: ReadonlySet<number>,
    perhaps: ReadonlySet<number>,
    what: string,
  ): void {
    const lost = [...sure].filter((one) => !found.includes(one));
    this.#check(lost.length === 0, `${what} lost: ${lost.join()}`);
    const unknown = found.filter((one) => !sure.has(one) && !perhaps.has(one));
    this.#check(unknown.length === 0, `${what} from nowhere: ${unknown.join()}`);
  }

  #check(holds: boolean, breach: string): void {
    if (!holds) this.breaches.push(breach);
  }
}

function clientOf(index: number): Client {
  return { id: `panel-${index}`, clean: false, conn: { user: "" } } as unknown as Client;
}

test("whatever happens and whenever it is killed, a session holds what was acknowledged, in order, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const survival = new Survival(await folder());
      for (const one of [...steps, { do: "kill" } as const]) await survival.take(one);
      survival.close();
      expect(survival.breaches).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
