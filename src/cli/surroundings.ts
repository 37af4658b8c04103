import type { AdapterContext } from "../adapter-kit/adapter.ts";
import { GatewayError } from "../domain/errors.ts";

/** What a command has in place of a gateway's parts: no image store, no other devices, no broker of its own. */
export const withoutStore: Pick<AdapterContext, "images" | "watch" | "broker"> = {
  images: {
    put: () =>
      Promise.reject(new GatewayError("UPLINK_UNAVAILABLE", "Images are kept by a running gateway only.")),
  },
  watch: () => () => undefined,
  broker: {
    subscribe: () => () => undefined,
    publish: () => undefined,
    onClient: () => () => undefined,
  },
};
