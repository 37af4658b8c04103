import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { ZodType } from "zod";
import { badStatuses, jsonValueTypes } from "../../src/adapter-kit/index.ts";
import { documentedKeys, schemaKeys } from "../../src/adapter-kit/testing.ts";
import { cameraOf, inspectionTags } from "./mapping-fixture.ts";
import { cameraSchema } from "./schema.ts";

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
const poll = { transport: "http-poll", url: "http://127.0.0.1/r" };
const stream = { transport: "websocket", url: "ws://h/stream" };
const push = { transport: "http-push" };
const image = { image: { image: true } };

test.each<[heading: string, schema: ZodType]>([
  ["Connection", cameraSchema.connection],
  ["Device", cameraSchema.options],
  ["Tags", cameraSchema.tag],
  ["Write entries", cameraSchema.write],
])("%s: the README lists the keys of the schema with their defaults, and no others", (heading, schema) => {
  expect(readme.split("\n")).toContain(`### ${heading}`);
  expect(documentedKeys(readme, heading)).toEqual(schemaKeys(schema));
});

test("the README names every type and every status", () => {
  for (const name of [...jsonValueTypes, ...badStatuses, "ImageNotStored", "NotAnImage", "NoImage"]) {
    expect(readme).toContain(`\`${name}\``);
  }
});

test("the values of a stream go stale after a minute, where the mapping says nothing else", () => {
  const connection = (entry: object) => cameraSchema.connection.parse(entry);
  expect(cameraSchema.stale?.({ image: false }, connection(stream))).toBe(60_000);
  expect(cameraSchema.stale?.({ image: true }, connection(stream))).toBeUndefined();
  expect(cameraSchema.stale?.({ image: false }, connection(poll))).toBeUndefined();
  expect(cameraSchema.stale?.({ image: false }, connection(push))).toBeUndefined();
});

interface Example {
  readonly connection: Readonly<Record<string, unknown>>;
  readonly snapshot?: object;
  readonly event?: object;
  readonly tags: Parameters<typeof cameraOf>[0];
}

test("the examples are sound", () => {
  const examples = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, text]) => parse(text ?? "") as Example,
  );
  expect(examples).toHaveLength(3);
  for (const { connection, snapshot, event, tags } of examples) {
    expect(cameraSchema.check?.(cameraOf(tags, connection, { snapshot, event }))).toEqual([]);
  }
});

test.each([
  [push, "http://10.0.0.7/snapshot.jpg"],
  [stream, "/snapshot.jpg"],
  [stream, "http://h:8080/snapshot.jpg"],
])("a camera %j may have its snapshot at %s", (connection, url) => {
  expect(cameraSchema.check?.(cameraOf(image, connection, { snapshot: { url, trigger: "a/b" } }))).toEqual(
    [],
  );
});

type Case = [wrong: string, ...device: Parameters<typeof cameraOf>];

test.each<Case>([
  ["no token", inspectionTags, { ...push, listen: "0.0.0.0:8090" }],
  ["a camera has one image tag", { ...image, more: { image: true } }, push],
  ["no tag for the image", inspectionTags, poll, { snapshot: { url: "/i", trigger: "a/b" } }],
  ["no tag for the image", inspectionTags, poll, { event: { name: "seen", image: true } }],
  ["nothing says where the image is", image, poll, { event: { name: "seen" } }],
  ["nothing says when the image is taken", { image: { image: true, url: "/i" } }, poll],
  ["does not say where the image is", image, push, { snapshot: { url: "/i", trigger: "a/b" } }],
  ["does not say where", image, push, { snapshot: { url: "http://u:p@h/i", trigger: "a/b" } }],
  ["nothing but a snapshot", image, { ...push, tls: { ca: "ca.pem" } }],
  ["another place", image, stream, { snapshot: { url: "http://elsewhere/i", trigger: "a/b" } }],
  [
    "another place",
    image,
    { ...stream, url: "wss://h/s" },
    { snapshot: { url: "http://h/i", trigger: "a/b" } },
  ],
  ["asked for a url", { score: { url: "/x" } }, push],
  ["an image has no parts", { image: { image: true, pointer: "/x" } }, push],
  ["takes values", { score: { write: { url: "/x" } } }, push],
  ["can't be written to", { score: { type: "json", write: { url: "/x" } } }, poll],
  ["another place", { score: { url: "http://elsewhere/x" } }, poll],
  ["another place", image, poll, { snapshot: { url: "https://127.0.0.1/i", trigger: "a/b" } }],
  ["is no URL", { score: { url: "http://" } }, poll],
  [
    "digest",
    inspectionTags,
    { transport: "websocket", url: "ws://h/", auth: { scheme: "digest", user: "u", password: "env:P" } },
  ],
])("%s is a mistake", (wrong, tags, connection, options) => {
  const issues = cameraSchema.check?.(cameraOf(tags, connection, options)) ?? [];
  expect(issues.map(({ message }) => message)).toEqual([expect.stringContaining(wrong)]);
});

test.each([
  { ...poll, url: "http://u:p@host/" },
  { ...poll, url: "ftp://host/" },
  { ...poll, auth: { scheme: "basic", user: "u", password: "hunter2" } },
  { ...push, url: "http://host/" },
  { ...push, path: "no-slash" },
  { transport: "websocket", url: "http://host/" },
])("%j is no connection", (connection) => {
  expect(cameraSchema.connection.safeParse(connection).success).toBe(false);
});

test("two cameras that post to one path overlap", () => {
  const at = (path: object) =>
    cameraSchema.endpoint?.(cameraSchema.connection.parse({ ...push, ...path }), {});
  expect(at({ path: "/a" })).toBe("127.0.0.1:8090/a");
  expect(at({})).toBeUndefined();
});
