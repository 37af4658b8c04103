import type { CameraConnection } from "../../adapters/camera/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";

/** A recorded message taken apart: its first line and headers, and its body. */
export interface RecordedMessage {
  readonly first: string;
  /** By name in lower case; of those that the recording has. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const headEnd = "\r\n\r\n";

/** The message in a frame that begins with headers. */
export function messageIn({ bytes }: Pick<Frame, "bytes">): RecordedMessage {
  const end = bytes.indexOf(headEnd);
  const head = bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
  const lines = head.split("\r\n");
  const headers = lines.flatMap((line): [string, string][] => {
    const colon = line.indexOf(": ");
    return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]];
  });
  return {
    first: lines[0] ?? "",
    headers: Object.fromEntries(headers),
    body: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + headEnd.length),
  };
}

/** The connection of the recorded mapping. Throws CONFIG_INVALID where it is none of a camera. */
export function recordedConnection(mapping: unknown): CameraConnection {
  const { connection } = (mapping ?? {}) as { readonly connection?: CameraConnection };
  if (connection !== undefined) {
    if (connection.transport === "http-push" || URL.canParse(connection.url)) return connection;
  }
  throw new GatewayError(
    "CONFIG_INVALID",
    "The recording's mapping does not say what kind of camera it was.",
  );
}

/** Frames of a running gateway are cut: what is left of an image is none. */
export function isWhole({ length }: Frame): boolean {
  return length === undefined;
}
