import { expect, onTestFinished, test } from "vitest";
import { findSocat } from "../../simulators/modbus/pseudo-terminal.ts";
import { serialWire } from "../../simulators/modbus/wires.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { connected, every, polling, tagsOf } from "./testing.ts";

async function plugged() {
  const wire = await serialWire("rtu");
  onTestFinished(() => wire.stop());
  const connection = { ...wire.connection, timeout: "250ms" };
  return { wire, device: deviceOf(tagsOf({ speed: "holding:0" }, every(20)), { connection }) };
}

const needsSocat = "socat is not installed";

test("an adapter that is unplugged ends the run in words about the port, and serves again once it is back", async (ctx) => {
  if (findSocat() === undefined) ctx.skip(needsSocat);
  const { wire, device } = await plugged();
  const first = await polling(device);
  await expect.poll(() => first.context.goodTags()).toEqual(["speed"]);
  await wire.leave();
  expect(await first.ended).toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringMatching(
      /^The serial port \/.*port (went away|was lost)\. This machine has .* Check/,
    ) as string,
  });
  await first.adapter.close();
  await expect(connected(device)).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringMatching(/^There is no serial port .*\. This machine has /) as string,
  });
  await wire.comeBack();
  const second = await polling(device);
  await expect.poll(() => second.context.goodTags()).toEqual(["speed"]);
});

test("a port that is open already is not shared with others in silence", async (ctx) => {
  if (findSocat() === undefined) ctx.skip(needsSocat);
  const { device } = await plugged();
  await connected(device);
  await expect(connected(device)).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringContaining("is in use by another program") as string,
  });
});
