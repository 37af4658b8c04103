import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { alertsSchema } from "./alerts-schema.ts";
import type { AlertsConfig } from "./alerts.ts";
import { readCsvAlerts } from "./csv-alerts.ts";
import { Mistakes } from "./mistakes.ts";
import { toAlerts } from "./read-alerts.ts";
import { emptyMap, withKey, type Source } from "./source.ts";
import { validate } from "./validate.ts";
import { alertsCsv } from "./write-csv-alerts.ts";
import { withAlerts } from "./write-yaml-alerts.ts";
import { readYaml } from "./yaml-source.ts";

function read(source: Source | undefined, mistakes: Mistakes): AlertsConfig | undefined {
  const validated = source === undefined ? undefined : validate(alertsSchema, source, [], mistakes);
  expect(mistakes.list()).toEqual([]);
  return validated === undefined ? undefined : toAlerts(validated.value);
}

function fromYaml(text: string): AlertsConfig | undefined {
  const mistakes = new Mistakes();
  return read(readYaml(text, "alerts.yaml", mistakes), mistakes);
}

function fromCsv(text: string): AlertsConfig | undefined {
  const mistakes = new Mistakes();
  const alerts = readCsvAlerts(text, "alerts.csv", mistakes);
  const head = emptyMap({ file: "alerts.yaml", line: 1, column: 1 });
  return read(alerts === undefined ? undefined : withKey(head, "alerts", alerts), mistakes);
}

const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const tag = fc.tuple(segment, segment, segment).map((levels) => levels.join("/"));
// U+FFFD is what a file that is no UTF-8 is read as: a CSV with it is refused.
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((some) => !some.includes("\ufffd"));
const number = fc
  .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map((one) => one + 0);
const positive = fc.integer({ min: 1, max: 1_000_000 });
const wait = fc.tuple(positive, fc.constantFrom("ms", "s")).map(([count, unit]) => `${count}${unit}`);
const comparable = fc.oneof(fc.boolean(), number, text, fc.constantFrom("true", "12", "1e3", '"', "", " "));
const payload = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

function optional<T>(arbitrary: fc.Arbitrary<T>) {
  return fc.option(arbitrary, { nil: undefined });
}

const simple = fc.oneof(
  fc.record({ tag, above: number, deadband: optional(positive) }),
  fc.record({ tag, below: number, deadband: optional(positive) }),
  fc.record({ tag, outside: fc.tuple(number, number), deadband: optional(positive) }),
  fc.record({ tag, is: comparable }),
  fc.record({ tag, isNot: comparable }),
  fc.record({ tag, changes: fc.constant(true), holdFor: optional(wait) }),
  fc.record({
    tag,
    rate: fc.record({
      above: positive,
      over: wait,
      direction: optional(fc.constantFrom("up", "down", "either")),
    }),
    deadband: optional(positive),
  }),
  fc.record({ tag, deviates: fc.record({ from: tag, by: positive }), deadband: optional(positive) }),
  fc.record({ tag, stale: wait }),
  fc.record({ tag, quality: fc.constantFrom("bad", "uncertain") }),
  fc.record({ offline: segment }),
  fc.record({
    count: fc.oneof(
      fc.record({ tag, edge: fc.constantFrom("rise", "fall", "change"), atLeast: positive, within: wait }),
      fc.record({
        station: segment,
        event: fc.constantFrom("late", "missed"),
        atLeast: positive,
        within: wait,
      }),
    ),
  }),
);

const { condition } = fc.letrec<{ condition: object }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    simple,
    fc.record({ all: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie("condition") }),
  ),
}));

const actions = fc.record({
  write: optional(fc.dictionary(tag, fc.oneof(comparable, payload), { maxKeys: 2 })),
  publish: optional(
    fc.array(
      fc.oneof(fc.record({ topic: tag, payload }), fc.record({ subject: fc.constant("a.b"), payload })),
      { maxLength: 2 },
    ),
  ),
  webhook: optional(
    fc.array(
      fc.record({
        url: fc.constantFrom("http://10.0.0.5:8080/hook?a=b", "https://example.com/"),
        headers: optional(fc.constant({ Authorization: "env:TOKEN", "X-Line": "a, b; c" })),
        retryFor: optional(wait),
      }),
      { maxLength: 2 },
    ),
  ),
});

const delay = fc.oneof(fc.constant("0s"), wait);
const alert = fc.record({
  message: text,
  priority: optional(fc.constantFrom("critical", "high", "medium", "low")),
  when: condition,
  onDelay: optional(delay),
  offDelay: optional(delay),
  latch: optional(fc.boolean()),
  acknowledge: optional(fc.boolean()),
  realarm: optional(fc.oneof(fc.constant("never"), wait)),
  group: optional(segment),
  suppressWhile: optional(condition),
  onRaise: optional(actions),
  onAcknowledge: optional(actions),
  onClear: optional(actions),
});
const alerts = fc
  .uniqueArray(fc.tuple(segment, alert), { selector: ([name]) => name, maxLength: 4 })
  .map((list) => JSON.parse(JSON.stringify(Object.fromEntries(list))) as object);

test("export, then import, is the same alerts", () => {
  fc.assert(
    fc.property(alerts, (written) => {
      const before = fromYaml(stringify({ alerts: written }));
      expect(fromCsv(alertsCsv(before?.alerts ?? []))).toEqual(before);
    }),
    { numRuns: 120 },
  );
});

test("taken into an alerts.yaml that has others, they are the same too, whatever its defaults", () => {
  const head = fc.record({
    defaults: fc.record({ priority: fc.constantFrom("low", "high"), onDelay: delay, realarm: wait }),
    flood: fc.record({ alerts: fc.integer({ min: 2 }), within: wait }),
  });
  fc.assert(
    fc.property(alerts, alerts, head, (old, written, above) => {
      const file = stringify({ ...above, alerts: old });
      const before = fromYaml(file);
      const taken = fromYaml(stringify({ ...above, alerts: written }));
      const text = withAlerts(file, before?.alerts ?? [], taken?.alerts ?? []);
      expect(fromYaml(text)).toEqual(taken);
    }),
    { numRuns: 60 },
  );
});

test("an alert that is what it was keeps its lines, and the head of the file its comments", () => {
  const file = `# The line\ndefaults: { priority: low } # usual\nalerts:
  # Why it matters
  one:
    message: Off # for all
    when: { offline: a }
  two: { message: Off, when: { offline: b } }
`;
  const before = fromYaml(file)?.alerts ?? [];
  const [one] = before;
  const three = fromYaml("alerts: { three: { message: Hot, when: { tag: a/t, above: 5 }, priority: low } }");
  const text = withAlerts(file, before, [...(one === undefined ? [] : [one]), ...(three?.alerts ?? [])]);
  expect(text).toBe(`# The line\ndefaults: { priority: low } # usual\nalerts:
  # Why it matters
  one:
    message: Off # for all
    when: { offline: a }
  three:
    message: Hot
    when: { tag: a/t, above: 5 }
`);
});
