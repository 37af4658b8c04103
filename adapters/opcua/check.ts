import { nearestName } from "../../src/adapter-kit/index.ts";
import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import { isMethod, modeOf, type OpcuaDevice, type OpcuaTag } from "./mapping.ts";
import { typeNames } from "./value-type.ts";

const subscribed = [
  "samplingInterval",
  "queueSize",
  "trigger",
  "serverDeadband",
  "serverDeadbandPercent",
] as const;

/** The mistakes that go across keys. */
export function checkDevice(device: OpcuaDevice): MappingIssue[] {
  return [...checkConnection(device), ...device.tags.flatMap((tag) => [...checkTag(tag, device)])];
}

function* checkConnection({ connection }: OpcuaDevice): Generator<MappingIssue> {
  const { security, user, password, userCertificate } = connection;
  if (security.policy === "none" && security.mode !== undefined) {
    const message = `policy none neither signs nor encrypts: mode ${security.mode} has no meaning`;
    yield { path: ["connection", "security", "mode"], message, allowed: "a secure policy, or no mode" };
  }
  if (user !== undefined && userCertificate !== undefined) {
    const message = "a user name and a user certificate stand together";
    yield { path: ["connection", "userCertificate"], message, allowed: "one of them" };
  }
  if ((user === undefined) !== (password === undefined)) {
    const message = user === undefined ? "a password without a user" : "a user without a password";
    const path = ["connection", user === undefined ? "password" : "user"];
    yield { path, message, allowed: "both, or neither" };
  }
}

function* checkTag(tag: OpcuaTag, device: OpcuaDevice): Generator<MappingIssue> {
  const { options } = tag;
  const path = ["tags", tag.name];
  const ways = (["node", "path", "method"] as const).filter((key) => options[key] !== undefined);
  if (ways.length !== 1) {
    const message = ways.length === 0 ? "the tag names no node" : `${ways.join(" and ")} stand together`;
    yield { path, message, allowed: "one of node, path, or object with method" };
  }
  if ((options.object === undefined) !== (options.method === undefined)) {
    yield { path, message: "a method and its object go together", allowed: "object and method, or neither" };
  }
  if (isMethod(options)) yield* checkMethod(tag, path);
  else yield* checkVariable(tag, path, modeOf(options, device.options) === "poll");
}

function* checkMethod({ options, write }: OpcuaTag, path: readonly string[]): Generator<MappingIssue> {
  if (write === undefined) {
    yield { path, message: "a method that nobody may call", allowed: "write: {} beside it" };
  }
  if (options.type !== undefined) {
    const message = "a method's results have no one type";
    yield { path: [...path, "type"], message, allowed: "no type: its arguments and results are a list" };
  }
}

function* checkVariable(tag: OpcuaTag, path: readonly string[], polled: boolean): Generator<MappingIssue> {
  const { options } = tag;
  if (tag.write !== undefined && (options.type === undefined || options.type === "json")) {
    const types = typeNames.filter((name) => name !== "json");
    const message = "a tag that may be written to needs its type";
    const meant = nearestName(options.type ?? "", types);
    yield { path: [...path, "write"], message, allowed: types.join(", "), ...(meant && { meant }) };
  }
  if (options.serverDeadband !== undefined && options.serverDeadbandPercent !== undefined) {
    const message = "serverDeadband and serverDeadbandPercent stand together";
    yield { path: [...path, "serverDeadbandPercent"], message, allowed: "one of them" };
  }
  if (!polled) return;
  for (const key of subscribed) {
    if (options[key] === undefined) continue;
    const message = `${key} has no meaning for a tag that is polled`;
    yield { path: [...path, key], message, allowed: "mode: subscribe" };
  }
}
