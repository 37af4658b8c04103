import fc from "fast-check";
import { expect, test } from "vitest";
import type { LineConfig } from "../../config/line.ts";
import { ms } from "../../domain/duration.ts";
import { plainText } from "../../domain/reading.ts";
import { decide, type Input } from "./decide.ts";
import { adapt, planLine, type LinePlan } from "./line-plan.ts";
import { decodeStation, encodeStation, type Effect, type LineState } from "./state.ts";
import { after, counter, pressAndWelder, rise, station } from "./testing.ts";

const lines: readonly LineConfig[] = [
  { stations: [...pressAndWelder({ buffer: 2 }).stations, station("store", after("weld"))] },
  {
    stations: [
      station("press", counter("press-1/strokes")),
      station("mill", rise("mill-1/done")),
      station("join", {
        ...after("press", "mill"),
        ready: [{ tag: "join/free", is: true }],
        ...rise("join/done"),
      }),
      station("sort", { after: { mode: "any", stations: ["join", "mill"], initial: { mill: 1 } } }),
    ],
  },
];

const bools = ["press-1/done", "mill-1/done", "join/free", "join/done", "welder-1/clamp"];
const counters = ["press-1/strokes", "welder-1/parts"];

type Step =
  | { readonly kind: "bool"; readonly tag: string; readonly value: boolean | null }
  | { readonly kind: "count"; readonly tag: string; readonly by: number }
  | { readonly kind: "pass"; readonly span: number }
  /** One of the writes that are under way comes to its end. */
  | { readonly kind: "write"; readonly ok: boolean; readonly which: number }
  | { readonly kind: "request"; readonly what: "hold" | "resume" | "trigger"; readonly station: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("bool" as const),
      tag: fc.constantFrom(...bools),
      value: fc.constantFrom(true, false, null),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("count" as const),
      tag: fc.constantFrom(...counters),
      by: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), span: fc.integer({ min: 1, max: 4_000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("write" as const), ok: fc.boolean(), which: fc.nat(5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      what: fc.constantFrom("hold" as const, "resume" as const, "trigger" as const),
      station: fc.constantFrom("press", "weld", "join", "store"),
    }),
  },
);

const world = { facts: new Map(), online: new Set(["welder-1"]) };

/** The line on a world that does what it is told at once, but for writes, which take their time. */
class World {
  readonly effects: Effect[] = [];
  readonly #plan: LinePlan;
  readonly #writes: Input[] = [];
  readonly #counts = new Map<string, number>();
  readonly #through: (state: LineState) => LineState;
  #now = 1_795_370_000_000;
  state: LineState;

  constructor(line: LineConfig, through: (state: LineState) => LineState) {
    this.#plan = planLine(line);
    this.#through = through;
    this.state = adapt(this.#plan, new Map(), world);
  }

  run(steps: readonly Step[]): void {
    for (const one of steps) this.#step(one);
  }

  #step(one: Step): void {
    switch (one.kind) {
      case "bool":
        return this.#read(one.tag, one.value);
      case "count": {
        const count = (this.#counts.get(one.tag) ?? 7) + one.by;
        this.#counts.set(one.tag, count);
        return this.#read(one.tag, count);
      }
      case "pass":
        this.#now += one.span;
        return this.#put({ kind: "tick" });
      case "write": {
        const [write] = this.#writes.splice(one.which, 1);
        if (write?.kind === "settled") this.#put(one.ok ? write : { ...write, failure: "It is away." });
        return;
      }
      case "request":
        return this.#put({ kind: one.what, station: one.station, by: "anna" });
    }
  }

  #read(tag: string, value: boolean | number | null): void {
    const readAt = this.#now - 1_795_000_000_000;
    this.#put({
      kind: "readings",
      readings: [{ tag, value, good: value !== null, timestamp: this.#now, readAt }],
    });
  }

  #put(input: Input): void {
    const decision = decide(this.#plan, this.state, input, {
      now: this.#now,
      monotonic: this.#now - 1_795_000_000_000,
    });
    this.state = this.#through(decision.state);
    this.effects.push(...decision.effects);
    for (const { station, id, event } of decision.effects) {
      if (event !== "prepare") this.#put({ kind: "told", station, id });
      else {
        this.#put({ kind: "sent", station, id, latencyMs: 1 });
        const config = this.#plan.stations.get(station);
        const settled = { kind: "settled", station, id } as const;
        if (config?.prepare.writes.length === 0) this.#put(settled);
        else this.#writes.push(settled);
      }
    }
  }
}

function throughTheStore(state: LineState): LineState {
  const stations = [...state.stations].map(([name, one]) => {
    const parsed = decodeStation(encodeStation(one));
    expect(parsed).toEqual(one);
    return [name, parsed ?? one] as const;
  });
  return { ...state, stations: new Map(stations) };
}

const steps = fc.array(step, { maxLength: 60 });
const line = fc.constantFrom(...lines);

test("written out and read in again at every point, the line does the very same", () => {
  fc.assert(
    fc.property(line, steps, (config, given) => {
      const [plain, stored] = [new World(config, (state) => state), new World(config, throughTheStore)];
      plain.run(given);
      stored.run(given);
      expect(stored.effects).toEqual(plain.effects);
      expect(stored.state).toEqual(plain.state);
    }),
    { numRuns: 200 },
  );
});

test("whatever comes, no part is lost or made twice on its way, and each event has its number", () => {
  fc.assert(
    fc.property(line, steps, (config, given) => {
      const world = new World(config, (state) => state);
      world.run(given);
      for (const { name, after: from } of config.stations) {
        const mine = world.effects.filter((effect) => effect.station === name);
        expect(mine.map(({ id }) => id)).toEqual(mine.map((_, index) => index + 1));
        const { waiting = {}, outbox } = world.state.stations.get(name) ?? {};
        for (const source of from?.stations ?? []) {
          const finished = world.effects.filter(
            ({ station, event }) => station === source && event === "complete",
          );
          // Those that wait are the newest, in the order in which they came.
          const held = (waiting[source] ?? []).map(({ part }) => part);
          const initial = Object.entries(from?.initial ?? {}).flatMap(([name, count]) =>
            name === source
              ? Array.from({ length: count }, (_, index) => `${name}-initial-${index + 1}`)
              : [],
          );
          const came = [...initial, ...finished.map(({ fields }) => plainText(fields["part"]))];
          expect(held).toEqual(came.slice(came.length - held.length));
        }
        expect(outbox?.every(({ event }) => event === "prepare")).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

interface Reference {
  queue: string[];
  part: string | null;
  held: boolean;
  free: boolean;
  told: string[];
}

test("press before a station without confirmation: as a queue and one place, in the plainest words", () => {
  const config: LineConfig = {
    stations: [
      station("press", { ...counter("p/c"), within: ms(50) }),
      station("join", { ...after("press"), ready: [{ tag: "join/free", is: true }], ...counter("j/c") }),
    ],
  };
  const action = fc.constantFrom("stroke", "done", "free", "busy", "hold", "resume");
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const plan = planLine(config);
      let state = adapt(plan, new Map(), world);
      const told: string[] = [];
      const put = (input: Input): void => {
        const decision = decide(plan, state, input, { now: 0, monotonic: 0 });
        state = decision.state;
        for (const { station, id, event, fields } of decision.effects) {
          if (station === "join") told.push(`${event} ${plainText(fields["part"])}`);
          put({ kind: "sent", station, id, latencyMs: 0 });
          put({ kind: "settled", station, id });
        }
      };
      const read = (tag: string, value: number | boolean) =>
        put({ kind: "readings", readings: [{ tag, value, good: true, timestamp: 0, readAt: 0 }] });
      const ref: Reference = { queue: [], part: null, held: false, free: false, told: [] };
      const counts = { strokes: 0, done: 0, own: 0 };
      read("p/c", 0);
      read("j/c", 0);
      for (const one of actions) {
        if (one === "stroke") {
          ref.queue.push(`press-${(counts.strokes += 1)}`);
          read("p/c", counts.strokes);
        } else if (one === "done") {
          const part = ref.part ?? ref.queue.shift() ?? `join-${(counts.own += 1)}`;
          ref.told.push(`complete ${part}`);
          ref.part = null;
          read("j/c", (counts.done += 1));
        } else if (one === "hold" || one === "resume") {
          ref.held = one === "hold";
          put({ kind: one, station: "join", by: "anna" });
        } else {
          ref.free = one === "free";
          read("join/free", ref.free);
        }
        const next = ref.queue[0];
        if (ref.part === null && !ref.held && ref.free && next !== undefined) {
          ref.part = next;
          ref.queue.shift();
          ref.told.push(`prepare ${next}`);
        }
        expect(told).toEqual(ref.told);
      }
    }),
    { numRuns: 300 },
  );
});
