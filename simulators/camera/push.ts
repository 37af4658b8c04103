import { randomBytes } from "node:crypto";

/** What a camera posts to the gateway. */
export interface PushOptions {
  /** Where to: the gateway's listener and the camera's path. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Posts one result; gives the status. Rejects where nobody answers. */
export async function postResult(
  { url, headers = {} }: PushOptions,
  result: unknown,
  image?: Buffer,
): Promise<number> {
  const json = JSON.stringify(result);
  const boundary = `camera-${randomBytes(8).toString("hex")}`;
  const body = image === undefined ? json : multipart(boundary, json, image);
  const type = image === undefined ? "application/json" : `multipart/form-data; boundary=${boundary}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": type },
    body: typeof body === "string" ? body : new Uint8Array(body),
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
