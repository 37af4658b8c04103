import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { decodeAlert, encodeAlert, stateNameOf, type AlertRuntime } from "./alert-state.ts";
import type { AlertRequest, Moment } from "./lifecycle.ts";
import { freshRuntime, planAlert, resumeRuntime, step, type AlertInput, type AlertPlan } from "./step.ts";
import { rule } from "./testing.ts";

const moment = (steady: number): Moment => ({ now: 1_000_000 + steady, steady, values: new Map() });

/** What may happen to an alert, with the time that passes before it. */
type Happening =
  | { readonly do: "value"; readonly value: number }
  | { readonly do: "suppress"; readonly on: boolean }
  | { readonly do: AlertRequest["kind"] }
  | { readonly do: "nothing" }
  | { readonly do: "restart" };

const delays = { on: 30, off: 50, realarm: 200, shelving: 120 };

/**
 * The reference: ANSI/ISA-18.2-2016 figure 3 as people draw it, one state at a time, with its delays as deadlines.
 * Deliberately written another way than the code.
 */
class Drawn {
  state: "A" | "B" | "C" | "D" | "E" | "F" = "A";
  isHigh: boolean | null = null;
  isSuppressed = false;
  isOut = false;
  shelvedUntil: number | undefined;
  turning: number | undefined;
  nags: number | undefined;
  readonly isLatching: boolean;

  constructor(isLatching: boolean) {
    this.isLatching = isLatching;
  }

  get away(): boolean {
    return this.isSuppressed || this.isOut || this.shelvedUntil !== undefined;
  }

  get name(): string {
    if (this.isOut) return "out-of-service";
    if (this.shelvedUntil !== undefined) return "shelved";
    if (this.isSuppressed) return "suppressed";
    return {
      A: "normal",
      B: "unacknowledged",
      C: "acknowledged",
      D: "returned-unacknowledged",
      E: "latched-unacknowledged",
      F: "latched-acknowledged",
    }[this.state];
  }

  /** From G, H and I to what the condition says: A where it is gone, E and F where it is latched. */
  back(now: number): void {
    if (this.away) return;
    if (this.isHigh === false) {
      if (this.state === "B") this.state = this.isLatching ? "E" : "A";
      if (this.state === "C") this.state = this.isLatching ? "F" : "A";
    }
    if (this.state === "D") this.state = "A";
    this.nags = this.state === "C" ? now + delays.realarm : undefined;
  }

  look(now: number): void {
    if (this.shelvedUntil !== undefined && this.shelvedUntil <= now) {
      this.shelvedUntil = undefined;
      this.back(now);
    }
    if (this.away) {
      this.turning = undefined;
      this.nags = undefined;
      return;
    }
    const isUp = this.state === "B" || this.state === "C";
    if (this.isHigh === null) return;
    if (this.isHigh === isUp) this.turning = undefined;
    else {
      this.turning ??= now + (isUp ? delays.off : delays.on);
      if (this.turning <= now) {
        this.turning = undefined;
        this.nags = undefined;
        this.turn();
      }
    }
    if (this.state === "C" && this.nags !== undefined && this.nags <= now) {
      this.nags = undefined;
      this.state = "B";
    }
  }

  turn(): void {
    if (this.state === "B") this.state = this.isLatching ? "E" : "D";
    else if (this.state === "C") this.state = this.isLatching ? "F" : "A";
    else this.state = "B";
  }

  take(happening: Happening, now: number): void {
    switch (happening.do) {
      case "value":
        if (happening.value > 200) this.isHigh = true;
        else if (happening.value <= 195 || this.isHigh === null) this.isHigh = false;
        break;
      case "suppress": {
        const was = this.isSuppressed;
        this.isSuppressed = happening.on;
        if (was && !happening.on) this.back(now);
        break;
      }
      case "acknowledge":
        if (this.away) break;
        if (this.state === "B") this.nags = now + delays.realarm;
        this.state = ({ B: "C", D: "A", E: "F" } as const)[this.state as "B"] ?? this.state;
        break;
      case "reset":
        if (!this.away) this.state = ({ E: "D", F: "A" } as const)[this.state as "E"] ?? this.state;
        break;
      case "shelve":
        if (!this.isOut) this.shelvedUntil = now + delays.shelving;
        break;
      case "unshelve":
        if (this.shelvedUntil === undefined) break;
        this.shelvedUntil = undefined;
        this.back(now);
        break;
      case "out-of-service":
        this.isOut = true;
        this.shelvedUntil = undefined;
        break;
      case "in-service":
        if (!this.isOut) break;
        this.isOut = false;
        this.back(now);
        break;
      case "nothing":
      case "restart":
        break;
    }
    this.look(now);
  }
}

const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(190, 197, 205).map((value) => ({ do: "value", value }) as const) },
  { weight: 1, arbitrary: fc.boolean().map((on) => ({ do: "suppress", on }) as const) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        "acknowledge" as const,
        "reset" as const,
        "shelve" as const,
        "unshelve" as const,
        "out-of-service" as const,
        "in-service" as const,
      )
      .map((kind) => ({ do: kind }) as const),
  },
  { weight: 4, arbitrary: fc.constant({ do: "nothing" } as const) },
  { weight: 2, arbitrary: fc.constant({ do: "restart" } as const) },
);

function inputOf(happening: Happening): AlertInput {
  const read = (tag: string, value: number | boolean) =>
    ({ kind: "seen", seen: { kind: "reading", tag, value, quality: "good", timestamp: 0 } }) as const;
  if (happening.do === "value") return read("press-1/pressure", happening.value);
  if (happening.do === "suppress") return read("press-1/maintenance", happening.on);
  if (happening.do === "nothing" || happening.do === "restart") return { kind: "tick" };
  if (happening.do === "shelve")
    return { kind: "request", request: { kind: "shelve", forMs: delays.shelving, by: "anna" } };
  return { kind: "request", request: { kind: happening.do, by: "anna" } };
}

/** As the store has it, and nothing else. */
function restart(plan: AlertPlan, before: AlertRuntime, now: number): AlertRuntime {
  const stored = decodeAlert(plan.rule, encodeAlert(plan.rule, before));
  return stored === undefined
    ? freshRuntime(plan, moment(now))
    : resumeRuntime(plan, stored, stored.sameConditions, moment(now));
}

test("whatever happens in whatever order, with restarts in between, an alert is what ISA-18.2 draws", () => {
  const pauses = fc.oneof(fc.integer({ min: 0, max: 25 }), fc.integer({ min: 0, max: 90 }));
  const days = fc.array(fc.tuple(pauses, happenings), { maxLength: 80, size: "max" });
  fc.assert(
    fc.property(fc.boolean(), days, (latch, day) => {
      const plan = planAlert(
        rule({
          latch,
          onDelay: ms(delays.on),
          offDelay: ms(delays.off),
          realarm: ms(delays.realarm),
          suppressWhile: { kind: "is", tag: "press-1/maintenance", value: true },
        }),
      );
      const drawn = new Drawn(latch);
      let now = 0;
      let runtime = freshRuntime(plan, moment(now));
      let { sequence } = runtime.life;
      for (const [pause, happening] of day) {
        // The timer rings at each ms that it may be due at; the reference looks as often.
        for (let passed = 0; passed < pause; passed += 1) {
          now += 1;
          drawn.look(now);
          ({ runtime } = step(plan, runtime, { kind: "tick" }, moment(now)));
        }
        if (happening.do === "restart") runtime = restart(plan, runtime, now);
        const stepped = step(plan, runtime, inputOf(happening), moment(now));
        ({ runtime } = stepped);
        drawn.take(happening, now);
        expect(stateNameOf(runtime.life)).toBe(drawn.name);
        // Every event has its number, none twice and none left out.
        for (const transition of stepped.transitions) expect(transition.sequence).toBeGreaterThan(sequence);
        expect(runtime.life.sequence).toBeGreaterThanOrEqual(sequence);
        ({ sequence } = runtime.life);
      }
    }),
    { numRuns: 300 },
  );
});

test("a request that can't be done says why, and changes nothing", () => {
  const plan = planAlert(rule());
  const fresh = freshRuntime(plan, moment(0));
  const ask = (kind: Exclude<AlertRequest["kind"], "shelve">) =>
    step(plan, fresh, { kind: "request", request: { kind, by: "anna" } }, moment(0));
  expect(ask("acknowledge").refused).toBe("overpressure has nothing to acknowledge.");
  expect(ask("reset").refused).toBe("overpressure is not latched.");
  expect(ask("unshelve").refused).toBe("overpressure is not shelved.");
  expect(ask("in-service").refused).toBe("overpressure is in service.");
  expect(ask("reset").runtime).toBe(fresh);
});

test("an edited condition begins anew, and the alert stays what it was until something is seen", () => {
  const before = planAlert(rule());
  const raised = step(
    before,
    freshRuntime(before, moment(0)),
    inputOf({ do: "value", value: 250 }),
    moment(0),
  );
  const edited = planAlert(
    rule({ when: { kind: "above", tag: "press-1/pressure", limit: 300, deadband: 0 } }),
  );
  const stored = decodeAlert(edited.rule, encodeAlert(before.rule, raised.runtime));
  expect(stored?.sameConditions).toBe(false);
  const resumed = resumeRuntime(edited, stored ?? raised.runtime, false, moment(1));
  const ticked = step(edited, resumed, { kind: "tick" }, moment(2));
  expect(stateNameOf(ticked.runtime.life)).toBe("unacknowledged");
  const seen = step(edited, ticked.runtime, inputOf({ do: "value", value: 250 }), moment(3));
  expect(seen.transitions.map(({ event }) => event)).toEqual(["cleared"]);
});

test("a delay that ran for a condition does not count for the edited one", () => {
  const before = planAlert(rule({ onDelay: ms(30) }));
  const high = inputOf({ do: "value", value: 250 });
  const pending = step(before, freshRuntime(before, moment(0)), high, moment(0)).runtime;
  const resumed = resumeRuntime(before, pending, false, moment(40));
  expect(stateNameOf(step(before, resumed, high, moment(40)).runtime.life)).toBe("normal");
});

test("no delay gets longer by a clock that was set back while the gateway was away", () => {
  const plan = planAlert(rule({ onDelay: ms(30) }));
  const pending = step(
    plan,
    freshRuntime(plan, moment(1_000)),
    inputOf({ do: "value", value: 250 }),
    moment(1_000),
  );
  expect(pending.runtime.life.onAt).toBe(1_030);
  const resumed = resumeRuntime(plan, pending.runtime, true, moment(10));
  expect(resumed.life.onAt).toBe(40);
});
