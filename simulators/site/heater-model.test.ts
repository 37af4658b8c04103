import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceOf, tagOf } from "../../adapters/modbus/mapping-fixture.ts";
import { LineModel } from "../line/line-model.ts";
import { seededRandom } from "../line/random.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import { HeaterModel, stepHeater } from "./heater-model.ts";
import { SimulatedModbusDevice } from "./modbus-device.ts";

test("a zone comes to its setpoint from wherever it is, and stays near it while the press works", () => {
  fc.assert(
    fc.property(fc.integer({ min: 60, max: 240 }), fc.integer({ min: 20, max: 240 }), (setpoint, start) => {
      let state = { temperature: start, output: 0 };
      let outputs = true;
      for (let second = 0; second < 900; second += 0.5) {
        state = stepHeater(state, setpoint, second % 4 < 0.7, 0.5);
        outputs &&= state.output >= 0 && state.output <= 100;
      }
      expect(outputs).toBe(true);
      expect(Math.abs(state.temperature - setpoint)).toBeLessThan(3);
    }),
    { numRuns: 30 },
  );
});

test("a setpoint that is written is followed, with an alarm until the zone has cooled down", () => {
  const tags = [
    tagOf({ address: "input:0", type: "float32" }, { name: "temperature" }),
    tagOf({ address: "input:2", type: "float32" }, { name: "output" }),
    tagOf({ address: "discrete:0" }, { name: "alarm/overheated" }),
    tagOf({ address: "holding:0" }, { name: "setpoint" }),
  ];
  const unit = new ModbusSimulator().unit();
  const device = new SimulatedModbusDevice(deviceOf(tags, { device: "heater-1" }), unit, "here");
  const model = new HeaterModel([device], new LineModel([], seededRandom(1)), seededRandom(2));
  expect([model.owns("heater-1", "output"), model.owns("heater-1", "other")]).toEqual([true, false]);
  unit.store("holding", 0, [100]);
  model.step(1);
  expect(device.get("alarm/overheated")).toBe(true);
  model.step(600);
  expect(device.get("alarm/overheated")).toBe(false);
  expect(Math.abs(Number(device.get("temperature")) - 100)).toBeLessThan(3);
});
