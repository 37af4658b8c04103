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
const payload = fc
  .jsonValue({ maxDepth: 2 })
  // Refused: no schema takes a key of this name.
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

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

test("an alert that nobody acknowledges says nothing of a re-alarm that it does not have", () => {
  const head = { defaults: { realarm: "12s", acknowledge: false } };
  const file = stringify({ ...head, alerts: { one: { message: "Off", when: { offline: "a" } } } });
  const taken = fromYaml(
    stringify({ ...head, alerts: { two: { message: "Off", when: { offline: "a" }, realarm: "12s" } } }),
  );
  const unchanged = fromYaml(file)?.alerts ?? [];
  expect(fromYaml(withAlerts(file, unchanged, taken?.alerts ?? []))).toEqual(taken);
  const [one] = unchanged;
  expect(one?.realarm).toBeUndefined();
  const renamed = one === undefined ? [] : [{ ...one, name: "two" }];
  expect(withAlerts(file, unchanged, renamed)).not.toContain("never");
});

test("a text with Unicode's own line ends in it is written as it is", () => {
  const file = "alerts:\n  one: { message: Off, when: { offline: a } }\n";
  const taken = fromYaml(
    stringify({ alerts: { two: { message: "a\u2028b\u2029c\u0085d", when: { offline: "a" } } } }),
  );
  expect(taken?.alerts).toHaveLength(1);
  expect(fromYaml(withAlerts(file, fromYaml(file)?.alerts ?? [], taken?.alerts ?? []))).toEqual(taken);
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

/** As people write it: nothing here is as the YAML library would put it. */
const handwritten = `# The line
defaults: {priority: low}   # usual
alerts:
  # Why it matters
  one:
    message: "folded
      over two lines"   # for all
    when: {tag: a/t,   outside: [-1.5, 1e21]}
    # the last of one

  # about two
  two: {  message: 'as it is'
   , when: {offline: b} }
  three:
      when: { tag: a/t, above: 0x10 }
      message: >-
        a folded
        text
# the end
`;

test("an import that changes nothing changes no character of the file", () => {
  const before = fromYaml(handwritten)?.alerts ?? [];
  expect(before).toHaveLength(3);
  const again = fromCsv(alertsCsv(before));
  expect(withAlerts(handwritten, before, again?.alerts ?? [])).toBe(handwritten);
});

test("the lines of every alert that stays are kept, whatever is added, changed or removed around it", () => {
  const before = fromYaml(handwritten)?.alerts ?? [];
  const extra = fromYaml(
    "alerts: { four: { message: 'Hot\\nx', when: { tag: a/t, above: 5 }, priority: low } }",
  );
  const [one, two, three] = before;
  const [four] = extra?.alerts ?? [];
  if (one === undefined || two === undefined || three === undefined || four === undefined)
    throw new TypeError("unread");
  const line = (from: string, to: string) =>
    handwritten.slice(handwritten.indexOf(from), handwritten.indexOf(to));
  const [first, second, last] = [
    line("  one:", "\n  # about two"),
    line("\n  # about two", "  three:"),
    line("  three:", "# the end"),
  ];
  const head = line("# The line", "  one:");
  const added = `  four:
    message: Hot\\nx
    when: { tag: a/t, above: 5 }
`;
  expect(withAlerts(handwritten, before, [four, two, three])).toBe(
    `${head}${added}${second}${last}# the end\n`,
  );
  expect(withAlerts(handwritten, before, [three, one])).toBe(`${head}${last}${first}# the end\n`);
  const louder = { ...two, priority: "high" } as const;
  const changed = withAlerts(handwritten, before, [one, louder, three]);
  const anew = `  two:
    message: as it is
    priority: high
    when: { offline: b }
`;
  expect(changed).toBe(`${head}${first}\n  # about two\n${anew}${last}# the end\n`);
  expect(fromYaml(changed)?.alerts).toEqual([one, louder, three]);
  // As Windows ends lines.
  const windows = handwritten.replaceAll("\n", "\r\n");
  expect(withAlerts(windows, before, [three, four])).toBe(
    `${head}${last}${added}# the end\n`.replaceAll("\n", "\r\n"),
  );
});

test("a name that JavaScript keeps to itself is refused, not lost", () => {
  const csv = "alert,message,tag,above\n__proto__,m,a/t,1\nconstructor,m,a/t,1\n";
  const mistakes = new Mistakes();
  const source = readCsvAlerts(csv, "alerts.csv", mistakes);
  const map = source && withKey(emptyMap(source.place), "alerts", source);
  const validated = map && validate(alertsSchema, map, [], mistakes);
  expect(mistakes.list().map(({ line, message }) => [line, message])).toEqual([
    [2, "nothing can be called __proto__"],
  ]);
  expect(validated && toAlerts(validated.value).alerts.map(({ name }) => name)).toEqual(["constructor"]);
});

test("a row whose first cell begins with # is no comment that nobody sees, unless names come first", () => {
  const read = (text: string) => {
    const mistakes = new Mistakes();
    const source = readCsvAlerts(text, "alerts.csv", mistakes);
    const names = source?.kind === "map" ? [...source.entries.keys()] : [];
    return { names, told: mistakes.list().map(({ line, message }) => `${line} ${message}`) };
  };
  const hot = "#3 pump hot,x1,a/t,1\n";
  expect(read(`message,alert,tag,above\n${hot}ok,x2,a/t,1\n`)).toEqual({
    names: ["x2"],
    told: ["2 this line begins with #, as a comment does, and looks like a row of the alert x1"],
  });
  for (const fine of [
    `message,alert,tag,above\n"#3 pump hot",x1,a/t,1\n`,
    `message,alert,tag,above\n# only a remark, with a comma\n# padded by a spreadsheet,,,\n"two\n#lines,x9,y,z",x1,a/t,1\n`,
    "alert,message,tag,above\n#x2,m,a/t,1\nx1,m,a/t,1\n",
  ])
    expect(read(fine)).toEqual({ names: ["x1"], told: [] });
});
