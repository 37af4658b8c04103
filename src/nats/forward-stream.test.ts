import { headers, type Msg } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { ForwardStream } from "./forward-stream.ts";
import type { NatsHandler } from "./subscriptions.ts";
import { keptLog } from "./testing.ts";

const intake = "EVENTS-from-gw";

/** A local stream with so many messages, and a hub that stores what a test lets it store. */
class Ends {
  readonly stored: { readonly id: string; readonly place: string }[] = [];
  readonly answers: { readonly place: number; readonly expected: string }[] = [];
  readonly log = keptLog();
  bindsOrder = true;
  #made = 1;
  /** What the hub does with a message: stores it, says that it had it at that place, or says why not. */
  deals: (
    place: number,
    expected: number,
  ) => "store" | { readonly duplicate: number } | { readonly refuse: string };
  readonly #count: number;
  #handler: NatsHandler | undefined;

  constructor(count: number, deals: Ends["deals"]) {
    this.#count = count;
    this.deals = deals;
  }

  get places(): readonly number[] {
    return this.stored.map(({ place }) => Number(place.split(" ")[1]));
  }

  /** Deletes the hub's stream, and makes it anew. */
  remake(): void {
    this.stored.length = 0;
    this.#made += 1;
  }

  run(): ForwardStream {
    const link = {
      state: "connected" as const,
      request: async (subject: string) => this.#hubAnswers(subject),
      requestMessage: async (_: string, request: Uint8Array | string) => this.#next(request),
    };
    const stream = new ForwardStream({
      stream: "EVENTS",
      intake,
      prefixes: ["event."],
      link,
      hub: {
        ...link,
        server: { name: "hub", version: "2.15.2" },
        counters: { connects: 1 } as never,
        subscribe: (_: string, handler: NatsHandler) => {
          this.#handler = handler;
          return () => undefined;
        },
        publishKept: (_: string, __: Uint8Array, fields: Readonly<Record<string, string>>, reply = "") => {
          this.#take(fields, reply);
          return "sent" as const;
        },
      },
      inbox: "inbox",
      incarnation: () => 1,
      known: () => undefined,
      bindsOrder: () => this.bindsOrder,
      clock: { ...systemClock, sleep: async () => new Promise((resolve) => setImmediate(resolve)) },
      log: this.log,
    });
    const stopping = new AbortController();
    const running = stream.run(stopping.signal);
    onTestFinished(async () => {
      stopping.abort();
      await running;
    });
    return stream;
  }

  #take(fields: Readonly<Record<string, string>>, reply: string): void {
    const id = fields["Nats-Msg-Id"] ?? "";
    const place = fields["Linegate-Place"] ?? "";
    const dealt = this.deals(Number(place.split(" ")[1]), Number(fields["Nats-Expected-Last-Sequence"]));
    if (dealt === "store") this.stored.push({ id, place });
    const answer =
      dealt === "store"
        ? { stream: intake, seq: this.stored.length }
        : "refuse" in dealt
          ? { stream: intake, seq: 0, error: { err_code: 10_071, description: dealt.refuse } }
          : { stream: intake, seq: dealt.duplicate, duplicate: true };
    const data = Buffer.from(JSON.stringify(answer));
    setImmediate(() => this.#handler?.({ subject: reply, data, respond: () => false }));
  }

  async #hubAnswers(subject: string): Promise<Uint8Array> {
    const last = this.stored.length;
    const { id = "", place = "" } = this.stored.at(-1) ?? {};
    const hdrs = Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${id}\r\nLinegate-Place: ${place}\r\n\r\n`);
    const about = subject.startsWith("$JS.API.STREAM.INFO.")
      ? {
          config: { name: intake },
          created: String(this.#made),
          state: { bytes: 1, first_seq: 1, last_seq: subject.endsWith(intake) ? last : this.#count },
        }
      : { message: { seq: last, subject: "event.a", hdrs: hdrs.toString("base64") } };
    return Buffer.from(JSON.stringify(about));
  }

  async #next(request: Uint8Array | string): Promise<Pick<Msg, "data" | "headers">> {
    const { seq } = JSON.parse(request.toString()) as { seq: number };
    const found = headers();
    if (seq <= this.#count) {
      found.set("Nats-Sequence", String(seq));
      found.set("Nats-Subject", "event.a");
      found.set("Nats-Msg-Id", `m${seq}`);
    }
    return { data: Buffer.from("{}"), headers: found };
  }
}

/** As nats-server 2.15 does: bound to the place before it. */
const bound =
  (ends: () => Ends): Ends["deals"] =>
  (_, expected) =>
    expected === ends().stored.length ? "store" : { refuse: `wrong last sequence: ${ends().stored.length}` };

test("each is bound to the one before it, and all arrive in order", async () => {
  const ends: Ends = new Ends(
    600,
    bound(() => ends),
  );
  const stream = ends.run();
  await expect.poll(() => stream.taken).toMatchObject({ incarnation: 1, seq: 600 });
  expect(ends.places).toEqual(Array.from({ length: 600 }, (_, index) => index + 1));
  expect(stream.counters).toMatchObject({ forwarded: 600, refused: 0, sessions: 1 });
});

test("one that an earlier connection brought meanwhile is no second one, and those behind it go on", async () => {
  const ends: Ends = new Ends(300, (place, expected) => {
    if (place === 5 && ends.stored.length === 4) ends.stored.push({ id: "m5", place: "EVENTS 5" });
    if (ends.stored.some(({ id }) => id === `m${place}`)) return { duplicate: place };
    return bound(() => ends)(place, expected);
  });
  const stream = ends.run();
  await expect.poll(() => stream.taken).toMatchObject({ incarnation: 1, seq: 300 });
  expect(ends.places).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  expect(stream.counters).toMatchObject({ refused: 0, sessions: 1 });
});

test.each([true, false])(
  "a hub's stream that is made anew meanwhile gets all from the beginning (bound to the order: %s)",
  async (bindsOrder) => {
    let isRemade = false;
    const ends: Ends = new Ends(40, (place, expected) => {
      if (place === 30 && !isRemade) {
        isRemade = true;
        ends.remake();
      }
      if (ends.stored.some(({ id }) => id === `m${place}`))
        return { duplicate: ends.places.indexOf(place) + 1 };
      return bindsOrder ? bound(() => ends)(place, expected) : "store";
    });
    ends.bindsOrder = bindsOrder;
    const stream = ends.run();
    await expect.poll(() => [ends.stored.length, stream.taken?.seq]).toEqual([40, 40]);
    expect(ends.places.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    expect(ends.log.lines.filter((line) => line.includes("was made anew"))).toHaveLength(1);
  },
);

test("one that the hub refuses while it takes the next is sent all the same, and that is told", async () => {
  let isRefused = true;
  const ends: Ends = new Ends(20, (place) => {
    if (ends.stored.some(({ id }) => id === `m${place}`))
      return { duplicate: ends.places.indexOf(place) + 1 };
    if (place === 7 && isRefused) return { refuse: "not now" };
    if (place > 7) isRefused = false;
    return "store";
  });
  const stream = ends.run();
  await expect.poll(() => stream.taken).toMatchObject({ incarnation: 1, seq: 20 });
  expect(ends.places.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  expect(ends.log.lines.filter((line) => line.includes("out of order"))).toHaveLength(1);
});
