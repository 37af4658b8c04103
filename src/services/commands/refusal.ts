import { GatewayError } from "../../domain/errors.ts";

/** Why a write was refused, as the audit and the metrics name it. */
export type RefusalReason =
  | "request"
  | "unknown-tag"
  | "read-only"
  | "type"
  | "range"
  | "step"
  | "rate"
  | "permissive"
  | "expired"
  | "confirmation"
  | "busy";

/** @param name the tag as an operator knows it, such as `press-1/motor/setpoint` */
export function refuse(reason: RefusalReason, name: string, problem: string): never {
  throw new GatewayError("WRITE_REFUSED", `${name}: ${problem}.`, { context: { reason } });
}

/** The reason that an error carries, else its code in the same form: `device-timeout`. */
export function reasonOf(error: GatewayError): string {
  const { reason } = error.context;
  return typeof reason === "string" ? reason : error.code.toLowerCase().replaceAll("_", "-");
}
