import type { AdapterModule } from "./adapter-kit/adapter.ts";
import type { AdapterSchema } from "./adapter-kit/schema.ts";
import { GatewayError } from "./domain/errors.ts";

interface RegisteredAdapter {
  /** What its mapping files may say; enough for `check`. */
  schema(): Promise<AdapterSchema>;
  /** The protocol itself, loaded only where a device uses it. */
  load(): Promise<AdapterModule>;
}

/** Every protocol there is. Adding one: a folder under `adapters/`, and a line here. */
export const adapterRegistry: Readonly<Record<string, RegisteredAdapter>> = {
  camera: {
    schema: async () => (await import("../adapters/camera/schema.ts")).cameraSchema,
    load: async () => (await import("../adapters/camera/adapter.ts")).cameraAdapter,
  },
  modbus: {
    schema: async () => (await import("../adapters/modbus/schema.ts")).modbusSchema,
    load: async () => (await import("../adapters/modbus/adapter.ts")).modbusAdapter,
  },
  mqtt: {
    schema: async () => (await import("../adapters/mqtt/schema.ts")).mqttSchema,
    load: async () => (await import("../adapters/mqtt/adapter.ts")).mqttAdapter,
  },
  opcua: {
    schema: async () => (await import("../adapters/opcua/schema.ts")).opcuaSchema,
    load: async () => (await import("../adapters/opcua/adapter.ts")).opcuaAdapter,
  },
  sparkplug: {
    schema: async () => (await import("../adapters/sparkplug/schema.ts")).sparkplugSchema,
    load: async () => (await import("../adapters/sparkplug/adapter.ts")).sparkplugAdapter,
  },
};

/** The protocol itself. Rejects with CONFIG_INVALID where there is none of that name. */
export async function loadRegistered(name: string): Promise<AdapterModule> {
  const registered = adapterRegistry[name];
  if (registered === undefined)
    throw new GatewayError("CONFIG_INVALID", `There is no adapter ${JSON.stringify(name)}.`);
  return registered.load();
}
