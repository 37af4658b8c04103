import { expect, test } from "vitest";
import type { BrowsedTag, BrowseOptions } from "../../src/adapter-kit/index.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { startBroker } from "../../src/broker/testing.ts";
import { mqttAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { vehicleTags } from "./vda5050-fixture.ts";

/** What is found while these messages are sent. */
async function heard(
  messages: Readonly<Record<string, string>>,
  options: BrowseOptions = {},
  tags: Parameters<typeof deviceOf>[0] = {},
) {
  const { broker } = await startBroker();
  const context = new RecordingContext({ broker });
  const adapter = mqttAdapter.create(deviceOf(tags), context);
  const found: BrowsedTag[] = [];
  const search = async () => {
    const listening = { listenMs: 150, ...options };
    for await (const tag of adapter.browse?.(listening, AbortSignal.timeout(5_000)) ?? []) found.push(tag);
  };
  const searching = search();
  for (const [topic, payload] of Object.entries(messages)) broker.publish(topic, payload);
  await searching;
  return found;
}

test("each value of a JSON payload is found by its pointer, with its type", async () => {
  const found = await heard({
    "agv/1/state": '{"battery":{"charge":80.5,"charging":true},"a/b":"x","loads":[{"weight":3}]}',
  });
  expect(found.map(({ name, entry, value }) => [name, entry["pointer"], entry["type"], value])).toEqual([
    ["agv/1/state/battery/charge", "/battery/charge", "float", 80.5],
    ["agv/1/state/battery/charging", "/battery/charging", "bool", true],
    ["agv/1/state/a-b", "/a~1b", "string", "x"],
    ["agv/1/state/loads/0/weight", "/loads/0/weight", "float", 3],
  ]);
});

test("payloads that are no JSON are texts, plain numbers are numbers", async () => {
  const found = await heard({ "store/temp": "21.5", "store/note": "all well" });
  expect(found.map(({ entry, value }) => [entry, value])).toEqual([
    [{ address: "store/temp", type: "float" }, 21.5],
    [{ address: "store/note", payload: "text" }, "all well"],
  ]);
});

test("a device with tags is listened to where it speaks, --from elsewhere", async () => {
  const messages = { "agv/1/state": "1", "other/topic": "2" };
  expect((await heard(messages, {}, vehicleTags)).map(({ entry }) => entry["address"])).toEqual([
    "agv/1/state",
  ]);
  expect(
    (await heard(messages, { from: "other/#" }, vehicleTags)).map(({ entry }) => entry["address"]),
  ).toEqual(["other/topic"]);
});

test("a depth folds what lies deeper into JSON", async () => {
  const [found] = await heard({ "agv/1/state": '{"battery":{"charge":80.5}}' }, { depth: 1 });
  expect(found).toMatchObject({ entry: { pointer: "/battery", type: "json" }, value: '{"charge":80.5}' });
});
