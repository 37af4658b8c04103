import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamMark } from "../store/stream-mark.ts";
import { moveAway, seen, sideAt } from "./hub-side.ts";

/**
 * A gateway, its stream and a hub, as plain lists of messages. What waits for its ack is in the outbox, and a power cut takes the
 * end of the stream, which the outbox then fills up with the same messages.
 */
class Model {
  stream: string[] = [];
  /** Sent and, after a power cut, to be sent again; in order. */
  outbox: string[] = [];
  hub: string[] = [];
  mark: StreamMark = { incarnation: 1, created: "", acked: 0, deleted: 0 };
  #server = 0;
  #messages = 0;

  /** What this history names its messages. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  copy(name: string): Model {
    const copy = new Model(name);
    copy.stream = [...this.stream];
    copy.outbox = [...this.outbox];
    copy.hub = [...this.hub];
    copy.mark = this.mark;
    return copy;
  }

  start(): void {
    this.#server += 1;
    // Another server each time, after a rollback too.
    const server = `${this.name}-${this.#server}`;
    this.mark = { ...this.mark, hub: sideAt(this.mark.hub, server, this.stream.length, this.outbox.length) };
    this.stream.push(...this.outbox.splice(0));
  }

  store(count: number): void {
    for (let n = 0; n < count; n += 1) this.stream.push(`${this.name}${(this.#messages += 1)}`);
  }

  powerCut(count: number): void {
    this.outbox.unshift(...this.stream.splice(Math.max(0, this.stream.length - count)));
    this.start();
  }

  /** The hub asks, with what it has: true where this is not the stream that it knows. */
  asks(): ReturnType<typeof moveAway> {
    const move = moveAway(this.mark, new Map([[1, this.hub.length]]), this.stream.length);
    if (move === undefined) this.mark = seen(this.mark);
    return move;
  }

  takes(count: number): void {
    this.hub.push(...this.stream.slice(this.hub.length, this.hub.length + count));
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("store" as const), count: fc.nat(5) }),
  fc.record({ do: fc.constant("hub" as const), count: fc.nat(8) }),
  fc.record({ do: fc.constant("powerCut" as const), count: fc.nat(4) }),
  fc.record({ do: fc.constant("restart" as const), count: fc.constant(0) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Returns how often the hub was found to have more than it can have. */
function play(model: Model, steps: readonly Step[]): number {
  let alarms = 0;
  for (const { do: what, count } of steps) {
    if (what === "store") model.store(count);
    else if (what === "powerCut") model.powerCut(count);
    else if (what === "restart") model.start();
    else {
      if (model.asks() !== undefined) alarms += 1;
      model.takes(count);
    }
  }
  return alarms;
}

test("whatever restarts and power cuts do: a hub that has what it was given is never taken for one that has more", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const model = new Model("a");
      model.start();
      expect(play(model, steps)).toBe(0);
    }),
  );
});

test("after a rollback all that the hub can't have goes into the next incarnation, however much came since and however often it restarted", () => {
  const away = step.filter((one) => one.do !== "hub");
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 15 }),
      fc.array(step, { maxLength: 15 }),
      fc.array(away, { maxLength: 10 }),
      (before, forgotten, since) => {
        const model = new Model("a");
        model.start();
        play(model, before);
        const snapshot = model.copy("b");
        play(model, forgotten);
        snapshot.hub = model.hub;
        snapshot.start();
        play(snapshot, since);
        const move = snapshot.asks();
        const got =
          move === undefined ? snapshot.stream.slice(model.hub.length) : snapshot.stream.slice(move.after);
        const missing = snapshot.stream.filter((one) => !model.hub.includes(one) && !got.includes(one));
        expect(missing).toEqual([]);
      },
    ),
  );
});

test("a hub that has something of a later incarnation knows another stream; one that only has it on its list does not", () => {
  const mark = { incarnation: 2, created: "", acked: 7, deleted: 7, hub: sideAt(undefined, "s", 7, 0) };
  expect(moveAway(mark, new Map([[4, 3]]), 7)).toEqual({ to: 5, after: 7 });
  expect(moveAway(mark, new Map([[4, 0]]), 7)).toBeUndefined();
  expect(moveAway(mark, new Map([[1, 900]]), 7)).toBeUndefined();
  expect(moveAway({ ...mark, hub: undefined }, new Map([[2, 900]]), 7)).toBeUndefined();
});
