import fc from "fast-check";
import { expect, test } from "vitest";
import {
  laneAfter,
  newLane,
  nextToSend,
  readFrom,
  type Item,
  type Lane,
  type Window,
} from "./outbox-lane.ts";

type Step = "commit" | "take" | "take-silently" | "refuse" | "answer" | "lose" | "open" | "again";

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
  connection: { n: number; generation: number }[] = [];
  answers: { n: number; generation: number; taken: boolean }[] = [];

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
    else if (next !== undefined && step !== "open") {
      this.connection.shift();
      if (step === "refuse") this.answers.push({ ...next, taken: false });
      else if (!this.stream.includes(next.n)) this.stream.push(next.n);
      if (step === "take") this.answers.push({ ...next, taken: true });
    }
    this.#pump();
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
    this.lane = laneAfter(this.lane, { kind: "opened" });
  }

  #answer(): void {
    const answer = this.answers.shift();
    if (answer === undefined) return;
    const { n, generation, taken } = answer;
    if (taken) this.outbox = this.outbox.filter((item) => item.n !== n);
    this.lane = laneAfter(this.lane, taken ? { kind: "done", n } : { kind: "refused", n, generation });
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
      this.connection.push({ n: item.n, generation: this.lane.generation });
      this.lane = laneAfter(this.lane, { kind: "sent", item });
    }
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.#lose();
    this.#open();
    this.#pump();
    while (this.connection.length > 0 || this.answers.length > 0)
      for (const step of ["take", "answer"] as const) this.do(step);
  }
}

function run(steps: readonly Step[], messages: number): World {
  const world = new World({ messages, bytes: 1_000 });
  for (const step of steps) world.do(step);
  expect(new Set(world.stream).size).toBe(world.stream.length);
  world.heal();
  expect(world.stream.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: world.committed }, (_, i) => i + 1),
  );
  expect(world.outbox).toEqual([]);
  return world;
}

const steps = (kinds: readonly Step[]) => fc.array(fc.constantFrom(...kinds), { maxLength: 80 });

test("whatever is lost in between, each message is in the stream once, and in order", () => {
  fc.assert(
    fc.property(steps(usual), fc.integer({ min: 1, max: 6 }), (taken, messages) => {
      const { stream } = run(taken, messages);
      expect(stream).toEqual(stream.toSorted((a, b) => a - b));
    }),
    { numRuns: 500 },
  );
});

test("where the server refuses some of them, each is in the stream once all the same", () => {
  fc.assert(
    fc.property(steps([...usual, "refuse"]), fc.integer({ min: 1, max: 6 }), (taken, messages) => {
      run(taken, messages);
    }),
    { numRuns: 500 },
  );
});

test("one at a time none overtakes another, whatever the server refuses", () => {
  fc.assert(
    fc.property(steps([...usual, "refuse"]), (taken) => {
      const { stream } = run(taken, 1);
      expect(stream).toEqual(stream.toSorted((a, b) => a - b));
    }),
    { numRuns: 500 },
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
