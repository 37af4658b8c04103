import { expect, onTestFinished, test } from "vitest";
import { networkWire } from "../../simulators/modbus/wires.ts";
import { modbusAdapter } from "./adapter.ts";
import type { ModbusDevice } from "./mapping.ts";
import { deviceAt, every, polling, sharedBuses, tagsOf } from "./testing.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";

const tags = tagsOf({ speed: "holding:0" }, every(20));

async function line(units: readonly number[]) {
  const wire = await networkWire({
    framing: "rtu",
    units: Object.fromEntries(units.map((unit) => [unit, {}])),
  });
  onTestFinished(() => wire.stop());
  const { simulator } = wire;
  const device = (unitId: number, connection: object = {}) =>
    deviceAt(simulator, tags, {
      device: `unit-${unitId}`,
      connection: { ...wire.connection, unitId, timeout: "150ms", ...connection },
    });
  return { simulator, device };
}

/** Connects again and again as a supervisor would, with a shorter wait. */
function persistent(device: ModbusDevice, context: RecordingContext): { readonly errors: unknown[] } {
  const stop = new AbortController();
  const errors: unknown[] = [];
  const keep = async () => {
    while (!stop.signal.aborted) {
      const adapter = modbusAdapter.create(device, context);
      try {
        await adapter.connect(stop.signal);
        await adapter.run(stop.signal);
      } catch (caught) {
        errors.push(caught);
      } finally {
        await adapter.close();
      }
      await context.clock.sleep(5, stop.signal).catch(() => undefined);
    }
  };
  const kept = keep();
  onTestFinished(async () => {
    stop.abort();
    await kept;
  });
  return { errors };
}

test("a dead unit takes a tenth of the line at most, however often it is tried; the others are polled on", async () => {
  const { simulator, device } = await line([1, 2]);
  const buses = sharedBuses();
  const { context } = await polling(device(1), { buses });
  const dead = new RecordingContext({ buses });
  const { errors } = persistent(device(9), dead);
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  simulator.clearRequests();
  context.clear();
  await expect.poll(() => errors.length).toBeGreaterThan(2);
  const asked = (unit: number) => simulator.requests.filter((request) => request.unit === unit).length;
  // A try may take 150 ms in 1,500 ms; a poll of the other takes 20 ms.
  expect(asked(1)).toBeGreaterThan(asked(9) * 6);
  expect(errors[0]).toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("unit 9") as string,
  });
  expect(simulator.acceptedCount).toBe(1);
});

test("a unit that was dead is back with its first answer", async () => {
  const { simulator, device } = await line([1, 2]);
  const buses = sharedBuses();
  await polling(device(1), { buses });
  const heal = simulator.inject({ kind: "dead" }, { unit: 2 });
  const context = new RecordingContext({ buses });
  const { errors } = persistent(device(2), context);
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  heal();
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
});
