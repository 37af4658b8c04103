import { isObject } from "./value.ts";

/** What a field must be; undefined where it is. */
type Rule = (value: unknown, at: string) => string | undefined;

/** The largest uint32, which all counts of VDA 5050 are. */
const largestCount = 4_294_967_295;

function rule(expected: string, holds: (value: unknown) => boolean): Rule {
  return (value, at) => {
    if (value === undefined) return `${at} is missing: expected ${expected}`;
    return holds(value) ? undefined : `${at} is not ${expected}`;
  };
}

const text = rule("a text", (value) => typeof value === "string" && value !== "");
const flag = rule("true or false", (value) => typeof value === "boolean");
const count = rule(
  `a whole number of 0 to ${largestCount}`,
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= largestCount,
);

function oneOf(...words: readonly string[]): Rule {
  return rule(words.join(", "), (value) => words.includes(value as string));
}

function listOf(item: Readonly<Record<string, Rule>>, least = 0): Rule {
  const expected = least === 0 ? "a list" : "a list with something in it";
  const list = rule(expected, (value) => Array.isArray(value) && value.length >= least);
  return (value, at) => {
    const flaw = list(value, at);
    if (flaw !== undefined || !Array.isArray(value)) return flaw;
    for (const [index, one] of value.entries()) {
      const inner = isObject(one) ? flawIn(one, item, `${at}/${index}/`) : `${at}/${index} is no object`;
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
}

function flawIn(
  message: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Rule>>,
  under = "",
): string | undefined {
  for (const [key, field] of Object.entries(fields)) {
    const flaw = field(Object.hasOwn(message, key) ? message[key] : undefined, `${under}${key}`);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

const action = { actionType: text, actionId: text, blockingType: oneOf("NONE", "SOFT", "HARD") };
const node = { nodeId: text, sequenceId: count, released: flag, actions: listOf(action) };
const edge = {
  edgeId: text,
  sequenceId: count,
  released: flag,
  startNodeId: text,
  endNodeId: text,
  actions: listOf(action),
};

/** The required fields of what a vehicle takes, without the header: VDA 5050 V2.0.0 and V2.1.0, §6.6 to §6.9. */
const messages: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  order: { orderId: text, orderUpdateId: count, nodes: listOf(node, 1), edges: listOf(edge) },
  instantActions: { actions: listOf(action) },
};

/**
 * What is wrong with an order or instant actions, such as `nodes/0/released is missing: expected true or false`; undefined where
 * nothing is, and for topics that hold something else.
 *
 * @param name the last level of the topic
 */
export function messageFlaw(name: string, message: Readonly<Record<string, unknown>>): string | undefined {
  const fields = Object.hasOwn(messages, name) ? messages[name] : undefined;
  return fields === undefined ? undefined : flawIn(message, fields);
}

/**
 * What is wrong with the parts of a header that a message brings itself. It may say what the gateway would say; the number is
 * the gateway's, which alone knows what it sent on the topic.
 */
export function headerFlaw(
  message: Readonly<Record<string, unknown>>,
  vehicle: { readonly manufacturer: string; readonly serialNumber: string },
): string | undefined {
  if (Object.hasOwn(message, "headerId")) return "headerId is counted by the gateway: leave it out";
  for (const key of ["manufacturer", "serialNumber"] as const) {
    if (Object.hasOwn(message, key) && message[key] !== vehicle[key])
      return `${key} is another vehicle's: this one's is ${vehicle[key]}`;
  }
  const { version = "2.0.0", timestamp = "2000-01-01" } = message;
  if (typeof version !== "string" || !/^\d+\.\d+\.\d+$/.test(version))
    return "version is not a text such as 2.0.0";
  if (typeof timestamp !== "string" || Number.isNaN(Date.parse(timestamp)))
    return "timestamp is not a time such as 2026-11-23T16:00:00.000Z";
  return undefined;
}
