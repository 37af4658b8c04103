import { isPrefix, isTopicName, prefixes } from "../../src/adapter-kit/index.ts";
import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import { baseOf, isOwnTopic } from "./own-topics.ts";
import {
  placeholders,
  typeOf,
  wildcardCount,
  type MqttDeviceMapping,
  type MqttTagMapping,
  type MqttWriteOptions,
} from "./mapping.ts";

/** The mistakes that go across the keys of a tag, or that no single key's form shows. */
export function checkDevice(device: MqttDeviceMapping): MappingIssue[] {
  const { will, base, vda5050 } = device.connection;
  const issues =
    will === undefined ? [] : [...checkTopic(will.topic, ["connection", "will", "topic"], device)];
  if (base !== undefined) issues.push(...checkGatewayTopic(base, ["connection", "base"]));
  if (base !== undefined && vda5050 !== undefined) {
    const message = "base and vda5050 stand together, and both say what ./ stands for";
    issues.push({ path: ["connection", "base"], message, allowed: "one of them" });
  }
  for (const tag of device.tags) {
    const path = ["tags", tag.name];
    issues.push(
      ...checkTopic(tag.options.address, [...path, "address"], device),
      ...checkTemplate(tag, path),
      ...checkPayload(tag, path),
      ...checkDurable(tag, path, device),
      ...checkWrite(tag, path, device),
    );
  }
  return issues;
}

function* checkTopic(
  topic: string,
  path: MappingIssue["path"],
  { connection }: MqttDeviceMapping,
): Generator<MappingIssue> {
  if (!isOwnTopic(topic)) yield* checkGatewayTopic(topic, path);
  else if (baseOf(connection) === undefined) {
    const message = `${topic} hangs on a base, and the device has none`;
    yield { path, message, allowed: "base or vda5050 in connection" };
  }
}

/** Devices publish on topics of their own; the gateway's would come round in a circle. */
function* checkGatewayTopic(topic: string, path: MappingIssue["path"]): Generator<MappingIssue> {
  const [first = ""] = topic.split("/");
  const allowed = `a first level that is a name, and none of the gateway's own: ${prefixes.join(", ")}, $…`;
  if (first === "+" || first === "#") {
    yield { path, message: `${topic} would take in the gateway's own topics too`, allowed };
  } else if (isPrefix(first) || first.startsWith("$")) {
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
  const types = payload === "text" ? ["string", "bool"] : ["float", "int", "int64", "uint64", "bool"];
  if (!types.includes(type)) {
    const message = `a payload of ${payload} gives no ${type}`;
    yield { path: [...path, "type"], message, allowed: types.join(", ") };
  }
}

function* checkDurable(
  { name, options }: MqttTagMapping,
  path: readonly string[],
  device: MqttDeviceMapping,
): Generator<MappingIssue> {
  const { durable, payload, address } = options;
  if (durable === undefined || durable === false) return;
  if (durable !== true && payload !== "json") {
    const message = `a payload of ${payload} has no fields, and so no identity`;
    yield { path: [...path, "durable", "id"], message, allowed: "payload: json, or durable: true" };
  }
  const first = device.tags.find((tag) => tag.options.address === address && isDurable(tag));
  if (first !== undefined && first.name !== name) {
    const message = `${address} is durable in ${first.name} already: each message would be stored twice`;
    yield { path: [...path, "durable"], message, allowed: "durable on one tag of a topic" };
  }
}

function isDurable({ options: { durable } }: MqttTagMapping): boolean {
  return durable !== undefined && durable !== false;
}

function* checkWrite(
  tag: MqttTagMapping,
  path: readonly string[],
  device: MqttDeviceMapping,
): Generator<MappingIssue> {
  if (tag.write === undefined) return;
  const { topic, header, pointer } = tag.write.options as MqttWriteOptions;
  if (placeholders(tag.name).length > 0) {
    yield { path: [...path, "write"], message: "a tag that a wildcard makes can't be written to" };
  }
  if (header && (typeOf(tag.options) !== "json" || pointer !== undefined)) {
    const message = "a header stands before the fields of a whole payload";
    yield { path: [...path, "write", "header"], message, allowed: "type: json, and no pointer to write to" };
  }
  if (header && device.connection.vda5050 === undefined) {
    const message = "a header names the vehicle, and the device does not say which that is";
    yield { path: [...path, "write", "header"], message, allowed: "vda5050 in connection" };
  }
  const topicPath = [...path, "write", "topic"];
  if (!isTopicName(topic)) {
    yield { path: topicPath, message: `${topic} is not a topic`, allowed: "a topic without + and #" };
  }
  yield* checkTopic(topic, topicPath, device);
}
