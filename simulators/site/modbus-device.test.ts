import { expect, test } from "vitest";
import { deviceOf, tagOf } from "../../adapters/modbus/mapping-fixture.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import { SimulatedModbusDevice } from "./modbus-device.ts";

function simulated(tags: Parameters<typeof deviceOf>[0], options: object = {}) {
  const unit = new ModbusSimulator().unit(1);
  const device = new SimulatedModbusDevice(deviceOf(tags, { options }), unit, "here");
  device.keepMapped();
  return { device, unit };
}

test("a value set by name lies in the registers as the mapping says: scaled, in its order", () => {
  const tag = { ...tagOf({ address: "holding:40", type: "float32", order: "CDAB" }), scale: 0.1 };
  const { device, unit } = simulated([tag]);
  device.set("ram/pressure", 182.4);
  expect(unit.holding.take(40, "float32", "CDAB")).toBeCloseTo(1_824, 3);
  expect(device.get("ram/pressure")).toBeCloseTo(182.4, 3);
});

test("what a client writes is what the device holds", () => {
  const { device, unit } = simulated([
    tagOf({ address: "holding:100", type: "uint16" }, { name: "motor/setpoint" }),
  ]);
  unit.store("holding", 100, [1_350]);
  expect(device.get("motor/setpoint")).toBe(1_350);
});

test("every type goes in and comes out again", () => {
  const values = {
    "coil:3": ["bool", true],
    "discrete:4": ["bool", true],
    "holding:0.5": ["bool", true],
    "input:1": ["int16", -300],
    "input:2": ["bcd16", 1_234],
    "holding:4": ["uint64", 2n ** 63n],
    "holding:8": ["float64", Math.PI],
    "holding:12": ["string(6)", "P-0001"],
  } as const;
  const tags = Object.entries(values).map(([address, [type]]) => tagOf({ address, type }, { name: address }));
  const { device } = simulated(tags);
  for (const [name, [, value]] of Object.entries(values)) device.set(name, value);
  const held = Object.keys(values).map((name) => device.get(name));
  expect(held).toEqual(Object.values(values).map(([, value]) => value));
});

test("a value beyond what the type holds is clipped, a text cut", () => {
  const { device } = simulated([
    tagOf({ address: "holding:0", type: "uint16" }, { name: "level" }),
    tagOf({ address: "holding:1", type: "string(4)" }, { name: "id" }),
  ]);
  device.set("level", 70_000);
  device.set("id", "longer");
  device.set("unknown", 1);
  expect([device.get("level"), device.get("id"), device.get("unknown")]).toEqual([65_535, "long", undefined]);
});

test("a bit leaves the other bits of its register alone", () => {
  const word = tagOf({ address: "input:10", type: "uint16" }, { name: "alarm/word" });
  const { device } = simulated([word, tagOf({ address: "input:10.1" }, { name: "alarm/oil" })]);
  device.set("alarm/word", 0b101);
  device.set("alarm/oil", true);
  expect(device.get("alarm/word")).toBe(0b111);
  device.set("alarm/oil", false);
  expect(device.get("alarm/word")).toBe(0b101);
});

test("addresses before and behind the tags do not exist, nor do the holes between them", () => {
  const tags = [
    tagOf({ address: "holding:40" }, { name: "a" }),
    tagOf({ address: "holding:50" }, { name: "b" }),
  ];
  const { unit } = simulated(tags, { requests: { holes: ["holding:44"] } });
  const exist = [39, 40, 43, 44, 45, 50, 51].map((address) => unit.holding.has(address, 1));
  expect(exist).toEqual([false, true, true, false, true, true, false]);
  expect(unit.input.has(0, 1)).toBe(false);
});
