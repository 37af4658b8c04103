import { errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "../domain/errors.ts";

/**
 * One request and its reply's payload. Rejects with UPLINK_UNAVAILABLE where none comes in time; where nobody can have got the
 * request the error's context says `sent: false`.
 */
export async function ask(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array | string,
  timeoutMs: number,
  headers?: MsgHdrs,
): Promise<Uint8Array> {
  return (await askMessage(connection, subject, payload, timeoutMs, headers)).data;
}

/** The same with the reply's headers. */
export async function askMessage(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array | string,
  timeoutMs: number,
  headers?: MsgHdrs,
): Promise<Pick<Msg, "data" | "headers">> {
  try {
    return await connection.request(subject, payload, { timeout: timeoutMs, ...(headers && { headers }) });
  } catch (caught) {
    const nobody = isNobody(caught);
    const reason = nobody
      ? "nobody answers there"
      : caught instanceof Error
        ? caught.message
        : String(caught);
    throw new GatewayError("UPLINK_UNAVAILABLE", `No answer from NATS on ${subject}: ${reason}`, {
      cause: caught,
      context: nobody ? { sent: false } : {},
    });
  }
}

function isNobody(caught: unknown): boolean {
  if (caught instanceof errors.NoRespondersError) return true;
  return caught instanceof errors.RequestError && caught.isNoResponders();
}
