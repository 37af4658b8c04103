import { GatewayError } from "../domain/errors.ts";

/** What the rest of the gateway does for a device, for tests in which it does nothing. */
export const idleSurroundings = {
  gateway: undefined,
  images: {
    put: () => Promise.reject(new GatewayError("UPLINK_UNAVAILABLE", "There is no image store here.")),
  },
  files: { secret: async () => "", text: async () => "", folder: "/nowhere" },
  watch: () => () => {},
  onEvent: () => {},
  onFrame: () => {},
  onFault: () => {},
};
