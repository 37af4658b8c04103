import type { SparkplugConnection } from "../../adapters/sparkplug/mapping.ts";
import { decodePayload, type WirePayload } from "../../adapters/sparkplug/payload.ts";
import { sessionOf } from "../../adapters/sparkplug/session.ts";
import { parseTopic, type EdgeNodeId } from "../../adapters/sparkplug/topic.ts";
import { WireWriter } from "../../adapters/sparkplug/wire.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";

/** The field `seq` of a payload (Sparkplug 3.0 §6.4.5). */
const seqField = 3;

/** What a recording tells of an edge node. */
export interface RecordedNode {
  readonly id: EdgeNodeId;
  /** From its first birth certificate on: before it, nobody knows what data means. */
  readonly messages: readonly Frame[];
  /** `bdSeq` of its last birth: a death that names it ends whichever of them is in force. */
  readonly session: number | undefined;
}

/** Throws CONFIG_INVALID where there is no birth certificate in it. */
export function recordedNode({ header, frames }: Recording): RecordedNode {
  const { connection } = (header.mapping ?? {}) as { readonly connection?: Partial<SparkplugConnection> };
  const { group, node } = connection ?? {};
  if (typeof group !== "string" || typeof node !== "string")
    throw new GatewayError("CONFIG_INVALID", "The recording's mapping does not name an edge node.");
  const whole = frames.filter(({ direction, length }) => direction === "received" && length === undefined);
  const births = whole.filter(({ channel }) => parseTopic(channel)?.type === "NBIRTH");
  const [first] = births;
  if (first === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "The recording holds no whole birth certificate of the edge node, and nothing can be read without one. `linegate record` asks for it.",
    );
  }
  const last = payloadOf(births.at(-1) ?? first);
  return {
    id: { group, node },
    messages: whole.slice(whole.indexOf(first)),
    session: last === undefined ? undefined : sessionOf(last),
  };
}

/** Undefined for what is no payload: that goes out as it came. */
export function payloadOf({ bytes }: Pick<Frame, "bytes">): WirePayload | undefined {
  try {
    return decodePayload(bytes);
  } catch {
    return undefined;
  }
}

/** The same payload with another sequence number: of a field that comes twice the last one counts (Protocol Buffers). */
export function renumbered(payload: Buffer, seq: number): Buffer {
  return Buffer.concat([payload, new WireWriter().uint(seqField, seq).finish()]);
}
