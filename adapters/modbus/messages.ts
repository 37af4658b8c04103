import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { BusMember } from "./bus.ts";
import { endpointOf, isSerial } from "./mapping.ts";
import { statusOf, type Outcome } from "./request.ts";

/** `10.0.0.7:502 unit 3`, `/dev/ttyUSB0 unit 3`. */
export function nameOf({ connection }: BusMember): string {
  return `${endpointOf(connection)} unit ${connection.unitId}`;
}

/** Why the unit counts as gone, given how the last request ended. */
export function unitLost(member: BusMember, outcome: Outcome): GatewayError {
  if (outcome.kind === "timeout") return noAnswer(member);
  return outcome.kind === "garbled" ? garbled(member, outcome.what) : unitGone(member, outcome);
}

/** The unit lets requests go by. */
export function noAnswer(member: BusMember): GatewayError {
  const { timeout, unitId } = member.connection;
  const line = isSerial(member.connection)
    ? "Check power, cabling (A and B swapped?), baud, parity and the unit id."
    : "Check power, cabling and the unit id.";
  return new GatewayError("DEVICE_TIMEOUT", `No answer from ${nameOf(member)} within ${timeout}ms. ${line}`, {
    context: { endpoint: endpointOf(member.connection), unit: unitId, timeoutMs: timeout },
  });
}

/** Something answers, and it can't be made out. */
function garbled(member: BusMember, what: string): GatewayError {
  const check =
    member.connection.transport === "tcp"
      ? "Check that the mapping asks for what the device has, its firmware, and the bridge before it where there is one."
      : "Check baud, parity and stop bits, the line's termination and shield, and that no other unit has the same id.";
  return new GatewayError("PROTOCOL_VIOLATION", `${nameOf(member)} can't be understood: ${what}. ${check}`, {
    context: { endpoint: endpointOf(member.connection), unit: member.connection.unitId, what },
  });
}

/** The bridge before the unit says that the unit does not answer. */
function unitGone(member: BusMember, outcome: Outcome): GatewayError {
  const { unitId } = member.connection;
  const endpoint = endpointOf(member.connection);
  const status = statusOf(outcome);
  return new GatewayError(
    "DEVICE_TIMEOUT",
    `${endpoint} reports that unit ${unitId} does not answer behind it (${status}). ` +
      "Check the unit's power, its cabling to the bridge and the unit id.",
    { context: { endpoint, unit: unitId, exception: status } },
  );
}
