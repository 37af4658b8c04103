import type { ErrorCode, GatewayError } from "../domain/errors.ts";

/** How a device stands. Only its supervisor makes one. Design §2. */
export type DeviceState =
  | { readonly state: "connecting" }
  | { readonly state: "online" }
  | {
      readonly state: "offline";
      readonly error: { readonly code: ErrorCode; readonly message: string };
      /** Absent for devices that dial in: there is nothing to try. */
      readonly retryInMs?: number;
    }
  | { readonly state: "stopped" };

export function offline(error: GatewayError, retryInMs?: number): DeviceState {
  const { code, message } = error;
  return { state: "offline", error: { code, message }, ...(retryInMs === undefined ? {} : { retryInMs }) };
}

/** The retained payload of `state/<site…>/<device>`. */
export function encodeDeviceState(state: DeviceState, timestamp: number): string {
  return JSON.stringify({ ...state, timestamp });
}
