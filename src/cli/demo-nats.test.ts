import { expect, test } from "vitest";
import { deviceOf, tagOf } from "../../adapters/modbus/mapping-fixture.ts";
import { gatewaySchema } from "../config/gateway-schema.ts";
import { findSetpoint } from "./demo-nats.ts";

const gateway = gatewaySchema.parse({ gateway: "gw", site: "a/b" });

test("writes to the first number that has both limits, with values well within them", () => {
  const limits = { options: {}, min: 0, max: 1_500 };
  const tags = [
    tagOf({ address: "coil:0" }, { name: "lamp", write: { options: {} } }),
    tagOf({ address: "holding:1" }, { name: "open", write: { options: {}, min: 0 } }),
    tagOf({ address: "holding:2" }, { name: "motor/setpoint", write: limits }),
  ];
  expect(findSetpoint({ gateway, devices: [deviceOf(tags)] })).toEqual({
    name: "press-1/motor/setpoint",
    topic: "cmd/a/b/press-1/motor/setpoint",
    subject: "cmd.a.b.press-1.motor.setpoint",
    unit: "",
    values: [1_350, 1_050, 1_200],
    example: 750,
  });
});

test("values of an integer with a scale are such as the device can hold", () => {
  const write = { options: {}, min: 0, max: 1 };
  const tag = { ...tagOf({ address: "holding:2" }, { name: "ratio", write }), scale: 0.25 };
  expect(findSetpoint({ gateway, devices: [deviceOf([tag])] })?.values).toEqual([1, 0.75, 0.75]);
});

test("a site without such a tag is not written to", () => {
  expect(findSetpoint({ gateway, devices: [deviceOf([tagOf({ address: "holding:2" })])] })).toBeUndefined();
});
