import { isTopicName } from "../../src/adapter-kit/index.ts";
import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import {
  placeholders,
  typeOf,
  wildcardCount,
  type MqttDeviceMapping,
  type MqttTagMapping,
  type MqttWriteOptions,
} from "./mapping.ts";

/** First levels that the gateway publishes on. */
const gatewayLevels: readonly string[] = ["data", "state", "cmd", "alert", "line", "event", "audit"];

/** The mistakes that go across the keys of a tag, or that no single key's form shows. */
export function checkDevice(device: MqttDeviceMapping): MappingIssue[] {
  const { will } = device.connection;
  const issues = will === undefined ? [] : [...checkOwnTopic(will.topic, ["connection", "will", "topic"])];
  for (const tag of device.tags) {
    const path = ["tags", tag.name];
    issues.push(
      ...checkOwnTopic(tag.options.address, [...path, "address"]),
      ...checkTemplate(tag, path),
      ...checkPayload(tag, path),
      ...checkWrite(tag, path),
    );
  }
  return issues;
}

/** Devices publish on topics of their own; the gateway's would come round in a circle. */
function* checkOwnTopic(topic: string, path: MappingIssue["path"]): Generator<MappingIssue> {
  const [first = ""] = topic.split("/");
  const allowed = `a first level that is a name, and none of the gateway's own: ${gatewayLevels.join(", ")}, $…`;
  if (first === "+" || first === "#") {
    yield { path, message: `${topic} would take in the gateway's own topics too`, allowed };
  } else if (gatewayLevels.includes(first) || first.startsWith("$")) {
    yield { path, message: `${topic} is the gateway's own: devices can't publish there`, allowed };
  }
}

function* checkTemplate({ name, options }: MqttTagMapping, path: readonly string[]): Generator<MappingIssue> {
  const wildcards = wildcardCount(options.address);
  const used = new Set(placeholders(name));
  for (const number of used) {
    if (number >= 1 && number <= wildcards) continue;
    const has = wildcards === 0 ? "no wildcard" : `${wildcards} only`;
    yield { path, message: `{${number}} stands for a wildcard, and ${options.address} has ${has}` };
  }
  for (let number = 1; number <= wildcards; number += 1) {
    if (used.has(number)) continue;
    const message = `topics that differ in wildcard ${number} of ${options.address} would share this tag`;
    yield { path, message, allowed: `{${number}} in the tag's name` };
  }
}

function* checkPayload({ options }: MqttTagMapping, path: readonly string[]): Generator<MappingIssue> {
  const { payload } = options;
  if (payload === "json") return;
  for (const key of ["pointer", "timestamp"] as const) {
    if (options[key] === undefined) continue;
    yield {
      path: [...path, key],
      message: `a payload of ${payload} has no fields`,
      allowed: "payload: json",
    };
  }
  const type = typeOf(options);
  const types = payload === "text" ? ["string", "bool"] : ["float", "int", "bool"];
  if (!types.includes(type)) {
    const message = `a payload of ${payload} gives no ${type}`;
    yield { path: [...path, "type"], message, allowed: types.join(", ") };
  }
}

function* checkWrite(tag: MqttTagMapping, path: readonly string[]): Generator<MappingIssue> {
  if (tag.write === undefined) return;
  const { topic } = tag.write.options as MqttWriteOptions;
  if (placeholders(tag.name).length > 0) {
    yield { path: [...path, "write"], message: "a tag that a wildcard makes can't be written to" };
  }
  if (typeOf(tag.options) === "json") {
    yield { path: [...path, "write"], message: "a tag of type json can't be written to" };
  }
  const topicPath = [...path, "write", "topic"];
  if (!isTopicName(topic)) {
    yield { path: topicPath, message: `${topic} is not a topic`, allowed: "a topic without + and #" };
  }
  yield* checkOwnTopic(topic, topicPath);
}
