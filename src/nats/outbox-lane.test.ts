import fc from "fast-check";
import { expect, test } from "vitest";
import {
  laneAfter,
  newLane,
  nextToSend,
  previous,
  readFrom,
  type Item,
  type Lane,
  type Window,
} from "./outbox-lane.ts";

type Step = "intrude" | "commit" | "take" | "take-silently" | "refuse" | "answer" | "lose" | "open" | "again";

const usual: Step[] = ["commit", "take", "take-silently", "answer", "lose", "open", "again"];
const pageRows = 3;

/** An outbox, a lane, a connection that may be lost, and a server with its stream; a step at a time. */
class World {
  readonly window: Window;
  lane: Lane = newLane;
  committed = 0;
  /** What the outbox holds. */
  outbox: Item[] = [];
  stream: number[] = [];
  connection: { n: number; generation: number; after: number | undefined }[] = [];
  answers: { n: number; generation: number; taken: boolean; follows: boolean }[] = [];

  /** An answer got lost though the connection did not: only time tells. */
  isSilenced = false;

  constructor(window: Window) {
    this.window = window;
  }

  do(step: Step): void {
    const next = this.connection[0];
    if (step === "commit") this.#commit();
    else if (step === "lose") this.#lose();
    else if (step === "again") this.lane = laneAfter(this.lane, { kind: "again" });
    else if (step === "open" && !this.lane.open) this.#open();
    else if (step === "answer") this.#answer();
    else if (step === "intrude") this.#intrude();
    else if (next !== undefined && step !== "open") {
      this.connection.shift();
      if (step === "take-silently") this.isSilenced = true;
      this.#arrive(next, step);
    }
    this.#pump();
  }

  /** As nats-server does it: what it has is not stored twice; where another one is the last than was named, it refuses. */
  #arrive(message: World["connection"][number], step: Step): void {
    const { n, after } = message;
    const follows = after !== undefined && !this.stream.includes(n) && this.stream.at(-1) !== after;
    const taken = step !== "refuse" && !follows;
    if (taken && !this.stream.includes(n)) this.stream.push(n);
    if (step !== "take-silently") this.answers.push({ ...message, taken, follows });
  }

  /** Somebody else writes into the stream. */
  #intrude(): void {
    this.stream.push(-this.stream.length - 1);
  }

  #commit(): void {
    this.committed += 1;
    const item = { n: this.committed, bytes: 1 };
    this.outbox.push(item);
    this.lane = laneAfter(this.lane, { kind: "committed", items: [item] });
  }

  /** What is in the socket may get there all the same, or not. */
  #lose(): void {
    this.connection = [];
    this.answers = [];
    this.lane = laneAfter(this.lane, { kind: "closed" });
  }

  #open(): void {
    this.outbox = this.outbox.filter(({ n }) => !this.stream.includes(n));
    this.isSilenced = false;
    this.lane = laneAfter(this.lane, { kind: "opened" });
  }

  #answer(): void {
    const answer = this.answers.shift();
    if (answer === undefined) return;
    const { n, generation, taken, follows } = answer;
    if (taken) this.outbox = this.outbox.filter((item) => item.n !== n);
    this.lane = laneAfter(
      this.lane,
      taken ? { kind: "done", n } : { kind: "refused", n, generation, follows },
    );
  }

  #pump(): void {
    for (;;) {
      const from = readFrom(this.lane);
      if (from !== undefined) {
        const items = this.outbox.filter(({ n }) => n > from).slice(0, pageRows);
        this.lane = laneAfter(this.lane, { kind: "page", items, more: items.length === pageRows });
      }
      const item = nextToSend(this.lane, this.window);
      if (item === undefined) return;
      const after = previous(this.lane)?.n;
      this.connection.push({ n: item.n, generation: this.lane.generation, after });
      this.lane = laneAfter(this.lane, { kind: "sent", item });
    }
  }

  /** Nothing goes wrong any more; the connection is a new one where there is none, or an answer is missing. */
  heal(): void {
    if (!this.lane.open || this.isSilenced) {
      this.#lose();
      this.#open();
      this.#pump();
    }
    while (this.connection.length > 0 || this.answers.length > 0 || this.lane.paused)
      for (const step of ["take", "answer", "again"] as const) this.do(step);
  }
}

function run(steps: readonly Step[], messages: number): World {
  const world = new World({ messages, bytes: 1_000 });
  for (const step of steps) world.do(step);
  expect(new Set(world.stream).size).toBe(world.stream.length);
  world.heal();
  expect(world.stream.filter((n) => n > 0)).toHaveLength(world.committed);
  expect(world.outbox).toEqual([]);
  return world;
}

const steps = fc.array(fc.constantFrom(...usual, ...usual, "refuse" as const, "intrude" as const), {
  maxLength: 80,
});

test("whatever is lost or refused in between, and whoever else writes: each message is in the stream once, in order", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), (taken, messages) => {
      const mine = run(taken, messages).stream.filter((n) => n > 0);
      expect(mine).toEqual(Array.from(mine, (_, i) => i + 1));
    }),
    { numRuns: 2_000 },
  );
});

test("no more is under way than the window holds, but for one message that is larger", () => {
  const items = [5, 5, 5, 100].map((bytes, index) => ({ n: index + 1, bytes }));
  let lane = laneAfter(laneAfter(newLane, { kind: "opened" }), { kind: "page", items, more: false });
  const send = () => {
    const sent: number[] = [];
    for (;;) {
      const item = nextToSend(lane, { messages: 3, bytes: 11 });
      if (item === undefined) return sent;
      sent.push(item.n);
      lane = laneAfter(lane, { kind: "sent", item });
    }
  };
  expect(send()).toEqual([1, 2]);
  lane = laneAfter(lane, { kind: "done", n: 1 });
  expect(send()).toEqual([3]);
  for (const n of [2, 3]) lane = laneAfter(lane, { kind: "done", n });
  expect(send()).toEqual([4]);
});

test("after a refusal one at a time goes out until nothing waits, the refused first, and each once", () => {
  const items = [1, 2, 3].map((n) => ({ n, bytes: 1 }));
  const window = { messages: 8, bytes: 1_000 };
  let lane = laneAfter(laneAfter(newLane, { kind: "opened" }), { kind: "page", items: [], more: false });
  lane = laneAfter(laneAfter(lane, { kind: "committed", items }), { kind: "committed", items });
  const sendAll = () => {
    const sent: number[] = [];
    for (let item = nextToSend(lane, window); item !== undefined; item = nextToSend(lane, window)) {
      sent.push(item.n);
      lane = laneAfter(lane, { kind: "sent", item });
    }
    return sent;
  };
  expect(sendAll()).toEqual([1, 2, 3]);
  const { generation } = lane;
  lane = laneAfter(lane, { kind: "refused", n: 1, generation });
  expect(lane.paused).toBe(false);
  lane = laneAfter(laneAfter(lane, { kind: "refused", n: 2, generation }), { kind: "done", n: 3 });
  expect(sendAll()).toEqual([]);
  lane = laneAfter(lane, { kind: "again" });
  expect(sendAll()).toEqual([1]);
  lane = laneAfter(lane, { kind: "done", n: 1 });
  expect(sendAll()).toEqual([2]);
  lane = laneAfter(lane, { kind: "done", n: 2 });
  lane = laneAfter(lane, { kind: "committed", items: [4, 5].map((n) => ({ n, bytes: 1 })) });
  expect(sendAll()).toEqual([4, 5]);
});
