import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** `NATS/1.0\r\n` and the empty line at the end; `: ` and `\r\n` of each field (ADR-4 of NATS). */
const statusLineBytes = 12;
const fieldBytes = 4;

/** The fields as headers of a message, and what they take on the wire. */
export function headersOf(fields: Readonly<Record<string, string>>): {
  readonly header: MsgHdrs;
  readonly bytes: number;
} {
  const header = headers();
  let bytes = statusLineBytes;
  for (const [name, value] of Object.entries(fields)) {
    header.set(name, value.replaceAll(/[\r\n]/g, " "));
    bytes += name.length + value.length + fieldBytes;
  }
  return { header, bytes };
}

/** A header of a stored message, whose headers come in base64; undefined where it has none of that name. */
export function headerIn(base64: string | undefined, name: string): string | undefined {
  if (base64 === undefined) return undefined;
  return new RegExp(`^${name}: ?(.*?)\\r$`, "m").exec(Buffer.from(base64, "base64").toString("latin1"))?.[1];
}
