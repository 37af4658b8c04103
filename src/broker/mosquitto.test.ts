import { describe, expect, test, vi } from "vitest";
import { client, mosquitto, mosquittoMissing, received, startBroker } from "./testing.ts";

describe.each(["mqttv31", "mqttv311"])("Debian's mosquitto clients in %s", (version) => {
  test("publish, and are subscribed", async (ctx) => {
    const missing = mosquittoMissing();
    if (missing !== undefined) ctx.skip(missing);
    const { broker, port } = await startBroker();
    broker.publish("state/plant1/press", "online", { retain: true });
    const speak = ["-V", version, "-q", "1"];
    const heard = mosquitto("mosquitto_sub", port, ...speak, "-t", "state/#", "-t", "agv/#", "-C", "2", "-v");
    // Its subscription stands once the retained state has gone out to it.
    await vi.waitFor(() => expect(broker.counters.sent).toBe(1));
    const said = await mosquitto("mosquitto_pub", port, ...speak, "-t", "agv/1/state", "-m", "ready");
    expect(said).toEqual({ code: 0, output: "" });
    expect(await heard).toEqual({ code: 0, output: "state/plant1/press online\nagv/1/state ready\n" });
  });
});

test("a client of MQTT 5 is told that it speaks the wrong version, and nobody else suffers", async (ctx) => {
  const missing = mosquittoMissing();
  if (missing !== undefined) ctx.skip(missing);
  const { broker, port } = await startBroker();
  const witness = await client(port);
  const messages = received(witness);
  await witness.subscribeAsync("data/#");
  const { code, output } = await mosquitto("mosquitto_sub", port, "-V", "mqttv5", "-t", "data/#");
  expect(code).not.toBe(0);
  expect(output).toMatch(/unsupported protocol version/i);
  await expect(client(port, { protocolVersion: 5 })).rejects.toMatchObject({ code: 0x84 });
  expect(broker.counters.rejected.version).toBe(2);
  broker.publish("data/x", "1");
  await vi.waitFor(() => expect(messages).toEqual(["data/x 1"]));
});
