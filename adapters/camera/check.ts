import { isLoopback } from "../../src/adapter-kit/index.ts";
import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import {
  typeOf,
  type CameraDevice,
  type CameraTagMapping,
  type CameraWriteOptions,
  type HttpPushConnection,
} from "./mapping.ts";

/** The mistakes that go across the keys of a camera, or that no single key's form shows. */
export function checkDevice(device: CameraDevice): MappingIssue[] {
  const { connection, tags } = device;
  const issues = [...checkImages(device), ...tags.flatMap((tag) => [...checkTag(tag, device)])];
  if (connection.transport === "http-push") issues.push(...checkListener(connection));
  if (connection.transport === "websocket" && connection.auth?.scheme === "digest") {
    issues.push({
      path: ["connection", "auth", "scheme"],
      message: "a WebSocket can't be opened with digest authentication",
      allowed: "basic, bearer",
    });
  }
  return issues;
}

/** Whoever reaches the listener may say what the camera saw. */
function* checkListener({ listen, token }: HttpPushConnection): Generator<MappingIssue> {
  if (token !== undefined || isLoopback(listen.host)) return;
  yield {
    path: ["connection", "listen"],
    message: `${listen.host}:${listen.port} can be reached from other machines, and there is no token`,
    allowed: "a token: env:NAME or file:PATH, or a loopback address such as 127.0.0.1",
  };
}

/** Where the camera's password goes with a request, only the camera may be. */
function wrongUrl(url: string, base: string): Pick<MappingIssue, "message" | "allowed"> | undefined {
  const found = URL.parse(url, base);
  const allowed = `a path, such as /snapshot.jpg, or a URL at ${new URL(base).origin}`;
  if (found === null) return { message: `${url} is no URL, nor one relative to ${base}`, allowed };
  if (found.origin === new URL(base).origin) return undefined;
  return { message: `${url} is at another place than the camera`, allowed };
}

function* checkUrls(
  { options, write }: CameraTagMapping,
  base: string,
  path: readonly string[],
): Generator<MappingIssue> {
  for (const [key, url] of [
    [["url"], options.url],
    [["write", "url"], (write?.options as CameraWriteOptions | undefined)?.url],
  ] as const) {
    const wrong = url === undefined ? undefined : wrongUrl(url, base);
    if (wrong !== undefined) yield { path: [...path, ...key], ...wrong };
  }
}

function* checkImages({ connection, options, tags }: CameraDevice): Generator<MappingIssue> {
  const { snapshot, event } = options;
  const [image, second] = tags.filter((tag) => tag.options.image);
  if (second !== undefined) {
    const path = ["tags", second.name, "image"];
    yield { path, message: `a camera has one image tag, and ${image?.name ?? ""} is it already` };
  }
  if (snapshot !== undefined && image === undefined) {
    yield {
      path: ["snapshot"],
      message: "there is no tag for the image",
      allowed: "a tag with image: true",
    };
  }
  if (snapshot !== undefined && connection.transport !== "http-poll") {
    yield { path: ["snapshot"], message: "only a camera with transport http-poll is asked for snapshots" };
  }
  const wrong =
    snapshot !== undefined && connection.transport === "http-poll"
      ? wrongUrl(snapshot.url, connection.url)
      : undefined;
  if (wrong !== undefined) yield { path: ["snapshot", "url"], ...wrong };
  if (event?.image === true && image === undefined) {
    yield {
      path: ["event", "image"],
      message: "there is no tag for the image",
      allowed: "a tag with image: true",
    };
  }
  if (image === undefined || connection.transport !== "http-poll") return;
  if (snapshot === undefined && image.options.url === undefined) {
    yield {
      path: ["tags", image.name],
      message: "nothing says where the image is",
      allowed: "url, or a snapshot",
    };
  }
  if (snapshot === undefined && event === undefined) {
    yield {
      path: ["tags", image.name],
      message: "nothing says when the image is taken",
      allowed: "a snapshot with a trigger, or an event: then it is fetched with each new result",
    };
  }
}

function* checkTag(tag: CameraTagMapping, { connection }: CameraDevice): Generator<MappingIssue> {
  const { options, name, write } = tag;
  const path = ["tags", name];
  const polled = connection.transport === "http-poll";
  if (options.url !== undefined && !polled) {
    yield { path: [...path, "url"], message: "only a camera with transport http-poll is asked for a url" };
  }
  for (const key of ["url", "pointer", "type", "timestamp"] as const) {
    if (!options.image || options[key] === undefined || key === "url") continue;
    yield { path: [...path, key], message: "an image has no parts", allowed: "no such key with image: true" };
  }
  if (polled) yield* checkUrls(tag, connection.url, path);
  if (write === undefined) return;
  if (!polled)
    yield { path: [...path, "write"], message: "only a camera with transport http-poll takes values" };
  if (options.image || typeOf(options) === "json") {
    yield { path: [...path, "write"], message: "such a tag can't be written to" };
  }
}
