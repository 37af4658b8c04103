import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { GatewayError } from "../domain/errors.ts";
import { neverOnlineLine, type Frame, type RecordingHeader } from "./frame.ts";

/** A recording as it was read. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly frames: readonly Frame[];
  /** True where the last line was torn, as a recording's is that was cut off while it grew. */
  readonly torn: boolean;
  /** True where the device gave nothing while it was recorded. */
  readonly neverOnline?: true;
}

/** Reads a whole recording. Rejects with CONFIG_INVALID, file and line, where it is none. */
export async function readRecording(path: string): Promise<Recording> {
  let header: RecordingHeader | undefined;
  let broken: number | undefined;
  let number = 0;
  let neverOnline = false;
  const frames: Frame[] = [];
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) {
      number += 1;
      if (header === undefined) header = headerOf(line, path);
      else if (broken !== undefined) throw badLine(path, broken);
      else if (line === neverOnlineLine) neverOnline = true;
      else {
        const frame = frameOf(line);
        // Only the last line may be torn: whether it is shows with the next one.
        if (frame === undefined) broken = number;
        else frames.push(frame);
      }
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    const why = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(cause);
    throw new GatewayError("CONFIG_INVALID", `${path}: ${why}.`, { cause });
  }
  if (header === undefined) throw new GatewayError("CONFIG_INVALID", `${path} is empty, no recording.`);
  return { header, frames, torn: broken !== undefined, ...(neverOnline ? { neverOnline } : {}) };
}

function headerOf(line: string, path: string): RecordingHeader {
  const header = parsed(line) as Partial<RecordingHeader> | undefined;
  if (
    header?.linegate !== "frames" ||
    typeof header.device !== "string" ||
    typeof header.adapter !== "string"
  ) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${path}:1: this is no recording. Allowed: a file that \`linegate record\` wrote.`,
    );
  }
  if (header.version !== 1) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${path}:1: the recording has version ${String(header.version)}; this Linegate reads version 1.`,
    );
  }
  return header as RecordingHeader;
}

function frameOf(line: string): Frame | undefined {
  const entry = parsed(line) as Readonly<Record<string, unknown>> | undefined;
  if (typeof entry !== "object" || entry === null) return undefined;
  const { t, direction, channel, bytes, length } = entry;
  if (typeof t !== "number" || typeof channel !== "string" || typeof bytes !== "string") return undefined;
  if (direction !== "sent" && direction !== "received") return undefined;
  const frame = { t, direction, channel, bytes: Buffer.from(bytes, "base64") } as const;
  return typeof length === "number" ? { ...frame, length } : frame;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function badLine(path: string, line: number): GatewayError {
  return new GatewayError(
    "CONFIG_INVALID",
    `${path}:${line}: this is no frame. Allowed: {"t":12.3,"direction":"sent","channel":"…","bytes":"base64"}.`,
  );
}
