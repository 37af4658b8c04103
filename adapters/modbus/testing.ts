import { onTestFinished } from "vitest";
import { ms, type PollGroup } from "../../src/adapter-kit/index.ts";
import { BusRegistry } from "../../src/adapter-kit/bus.ts";
import { RecordingContext, type RecordingOptions } from "../../src/adapter-kit/testing.ts";
import { ModbusSimulator, type SimulatorOptions } from "../../simulators/modbus/server.ts";
import { modbusAdapter } from "./adapter.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";
import type { ModbusDevice, ModbusTag } from "./mapping.ts";

/** For tests: a simulator that ends with the test. */
export async function simulated(options: SimulatorOptions = {}): Promise<ModbusSimulator> {
  const simulator = await ModbusSimulator.start(options);
  onTestFinished(() => simulator.refuse());
  return simulator;
}

/** For tests: a poll group. */
export function every(interval: number, name = `${interval}ms`): PollGroup {
  return { name, interval: ms(interval) };
}

/** For tests: tags by name, as `{ speed: "holding:0 uint16" }`. */
export function tagsOf(addresses: Readonly<Record<string, string>>, poll: PollGroup): ModbusTag[] {
  return Object.entries(addresses).map(([name, text]) => {
    const [address = "", type] = text.split(" ");
    return tagOf(type === undefined ? { address } : { address, type }, { name, poll });
  });
}

/** For tests: a device behind the simulator, with a short timeout. */
export function deviceAt(
  simulator: ModbusSimulator,
  tags: readonly ModbusTag[],
  keys: { readonly connection?: object; readonly options?: object; readonly device?: string } = {},
): ModbusDevice {
  const { options = {}, device = "press-1" } = keys;
  return deviceOf(tags, {
    device,
    options,
    connection: { port: simulator.port, timeout: "250ms", connectTimeout: "1s", ...keys.connection },
  });
}

/** For tests: one life of an adapter, closed with the test. */
export async function connected(device: ModbusDevice, recording: RecordingOptions = {}) {
  const context = new RecordingContext(recording);
  const adapter = modbusAdapter.create(device, context);
  onTestFinished(() => adapter.close());
  await adapter.connect(AbortSignal.timeout(5_000));
  return { adapter, context };
}

/** For tests: the same, polling; `ended` resolves with what `run` rejects with, or undefined. */
export async function polling(device: ModbusDevice, recording: RecordingOptions = {}) {
  const { adapter, context } = await connected(device, recording);
  const stop = new AbortController();
  const ended = adapter.run(stop.signal).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  onTestFinished(() => stop.abort());
  return { adapter, context, ended, stop };
}

/** For tests: what devices of one gateway share. */
export function sharedBuses(): BusRegistry {
  return new BusRegistry();
}
