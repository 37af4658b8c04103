import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { BusMember } from "./bus.ts";
import { statusOf, type Outcome } from "./request.ts";

/** `10.0.0.7:502 unit 3`. */
export function nameOf({ connection }: BusMember): string {
  return `${connection.host}:${connection.port} unit ${connection.unitId}`;
}

/** The unit lets requests go by. */
export function noAnswer(member: BusMember): GatewayError {
  const { timeout, host, port, unitId } = member.connection;
  return new GatewayError(
    "DEVICE_TIMEOUT",
    `No answer from ${nameOf(member)} within ${timeout}ms. Check power, cabling and the unit id.`,
    { context: { host, port, unit: unitId, timeoutMs: timeout } },
  );
}

/** The bridge before the unit says that the unit does not answer. */
export function unitGone(member: BusMember, outcome: Outcome): GatewayError {
  const { host, port, unitId } = member.connection;
  const status = statusOf(outcome);
  return new GatewayError(
    "DEVICE_TIMEOUT",
    `${host}:${port} reports that unit ${unitId} does not answer behind it (${status}). ` +
      "Check the unit's power, its cabling to the bridge and the unit id.",
    { context: { host, port, unit: unitId, exception: status } },
  );
}
