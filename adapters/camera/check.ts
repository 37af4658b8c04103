import { isLoopback } from "../../src/adapter-kit/index.ts";
import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import {
  httpUrl,
  typeOf,
  type CameraConnection,
  type CameraDevice,
  type CameraTagMapping,
  type CameraWriteOptions,
  type HttpPushConnection,
} from "./mapping.ts";

/** The mistakes that go across the keys of a camera, or that no single key's form shows. */
export function checkDevice(device: CameraDevice): MappingIssue[] {
  const { connection, tags } = device;
  const issues = [...checkImages(device), ...tags.flatMap((tag) => [...checkTag(tag, device)])];
  if (connection.transport === "http-push") {
    issues.push(
      ...checkListener(connection),
      ...checkUnasked(connection, device.options.snapshot !== undefined),
    );
  }
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

/** A stream's images may be on another port of the camera; a camera that posts says nowhere else where it is. */
function wrongSnapshotUrl(
  url: string,
  connection: CameraConnection,
): Pick<MappingIssue, "message" | "allowed"> | undefined {
  if (connection.transport === "http-poll") return wrongUrl(url, connection.url);
  const base = connection.transport === "websocket" ? new URL(httpUrl(connection.url)) : undefined;
  const found = URL.parse(url, base?.href);
  const allowed =
    base === undefined
      ? "a whole URL without a password in it, such as http://10.0.0.7/snapshot.jpg"
      : `a path, such as /snapshot.jpg, or a URL at ${base.protocol}//${base.hostname}`;
  const isWeb = found?.protocol === "http:" || found?.protocol === "https:";
  if (found === null || !isWeb || found.username !== "" || found.password !== "")
    return { message: `${url} does not say where the image is`, allowed };
  const isThere =
    base === undefined || (found.hostname === base.hostname && found.protocol === base.protocol);
  return isThere ? undefined : { message: `${url} is at another place than the camera`, allowed };
}

/** Nothing is asked of a camera that posts, but for its snapshot. */
function* checkUnasked({ auth, tls }: HttpPushConnection, isAsked: boolean): Generator<MappingIssue> {
  if (isAsked) return;
  for (const [key, value] of [
    ["auth", auth],
    ["tls", tls],
  ] as const) {
    if (value === undefined) continue;
    yield {
      path: ["connection", key],
      message: "a camera that posts is asked for nothing but a snapshot, and there is none",
      allowed: "a snapshot, or token for what the camera must show",
    };
  }
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
  const wrong = snapshot === undefined ? undefined : wrongSnapshotUrl(snapshot.url, connection);
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
