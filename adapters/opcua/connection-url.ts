import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { ConnectionUrl } from "../../src/adapter-kit/schema.ts";

/** An OPC UA server without a mapping: its endpoint, with every other key of `connection:` behind a `?`. */
export const connectionUrl: ConnectionUrl = {
  schemes: ["opc.tcp"],
  examples: [
    "opc.tcp://10.0.0.5:4840?security.policy=none (or, with security: ?user=linegate&password=env:OVEN_PASSWORD)",
  ],
  connection: (url) => {
    if (url.username !== "" || url.password !== "") {
      throw new GatewayError(
        "CONFIG_INVALID",
        `${url.host}: a user stands behind a ?, the password where it can be kept: ?user=linegate&password=env:OVEN_PASSWORD.`,
      );
    }
    return { endpoint: `opc.tcp://${url.host}${url.pathname}`, ...keysOf(url) };
  },
};

/** `security.policy=none` as `{ security: { policy: "none" } }`. */
function keysOf({ searchParams }: URL): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  for (const [name, text] of searchParams) {
    const [key = "", inner] = name.split(".", 2);
    const before = keys[key];
    keys[key] = inner === undefined ? text : { ...(typeof before === "object" ? before : {}), [inner]: text };
  }
  return keys;
}
