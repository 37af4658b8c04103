import { randomBytes } from "node:crypto";
import type { TokenPlace } from "../../adapters/camera/mapping.ts";

/** What a camera posts to the gateway. */
export interface PushOptions {
  /** Where to: the gateway's listener and the camera's path. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PushPlace {
  /** Where the gateway listens; any of its addresses for "all of them". */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string | undefined;
  readonly tokenIn: TokenPlace;
}

/** Where a camera posts to, with its token in its place. */
export function pushTarget({ host, port, path, token, tokenIn }: PushPlace): PushOptions {
  const there = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const url = new URL(`http://${there.includes(":") ? `[${there}]` : there}:${port}`);
  url.pathname = path;
  if (token === undefined) return { url: url.href };
  switch (tokenIn) {
    case "query":
      url.searchParams.set("token", token);
      return { url: url.href };
    case "x-token":
      return { url: url.href, headers: { "x-token": token } };
    case "authorization":
      return { url: url.href, headers: { authorization: `Bearer ${token}` } };
  }
}

/** Posts one result; gives the status. Rejects where nobody answers. */
export async function postResult(target: PushOptions, result: unknown, image?: Buffer): Promise<number> {
  const json = JSON.stringify(result);
  const boundary = `camera-${randomBytes(8).toString("hex")}`;
  const body = image === undefined ? json : multipart(boundary, json, image);
  const type = image === undefined ? "application/json" : `multipart/form-data; boundary=${boundary}`;
  return sendPost(target, type, Buffer.from(body));
}

/** Posts a body as it is; gives the status. Rejects where nobody answers. */
export async function sendPost(
  { url, headers = {} }: PushOptions,
  contentType: string,
  body: Buffer,
): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    // A kept connection may be one that the gateway has just closed.
    headers: { ...headers, "content-type": contentType, connection: "close" },
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(3_000),
  });
  await response.arrayBuffer();
  return response.status;
}

/** A result and its image, as the forms of RFC 7578 have them. */
function multipart(boundary: string, json: string, image: Buffer): Buffer {
  const part = (name: string, rest: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(`${part("result", "\r\nContent-Type: application/json")}${json}\r\n`),
    Buffer.from(part("image", '; filename="part.png"\r\nContent-Type: image/png')),
    image,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}
