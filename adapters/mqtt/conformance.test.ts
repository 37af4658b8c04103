import { connectAsync } from "mqtt";
import type { LocalBroker } from "../../src/adapter-kit/index.ts";
import { testConformance, type SimulatedFault } from "../../src/adapter-kit/testing.ts";
import { startBroker } from "../../src/broker/testing.ts";
import { mqttAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { stateMessage, vehicleTags } from "./vda5050-fixture.ts";

/** A vehicle that tells its state every few milliseconds at QoS 0. */
async function vehicle(port: number) {
  const connect = () =>
    connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: "agv-1", reconnectPeriod: 0 }, false);
  let mqtt = await connect();
  let say = () => JSON.stringify(stateMessage(80));
  let said = 0;
  const timer = setInterval(() => {
    said += 1;
    if (mqtt.connected) mqtt.publish("agv/1/state", say());
  }, 10);
  /** Says something else for a while. */
  const talk = (name: string, words: () => string): SimulatedFault => {
    const sane = say;
    let before = 0;
    return {
      name,
      begin: () => {
        before = said;
        say = words;
      },
      bites: () => said > before + 4,
      end: () => {
        say = sane;
      },
    };
  };
  const cut: SimulatedFault = {
    name: "a cut connection",
    begin: () => void mqtt.stream.destroy(),
    bites: () => !mqtt.connected,
    end: async () => {
      mqtt = await connect();
    },
  };
  const stop = async () => {
    clearInterval(timer);
    await mqtt.endAsync(true);
  };
  return { talk, cut, stop };
}

testConformance({
  module: mqttAdapter,
  start: async () => {
    const { broker, port } = await startBroker();
    const { talk, cut, stop } = await vehicle(port);
    let contacts = 0;
    const counting: LocalBroker = {
      subscribe: (filter, onMessage) => {
        contacts += 1;
        return broker.subscribe(filter, onMessage);
      },
      publish: (...message) => broker.publish(...message),
      onClient: (onChange) => broker.onClient(onChange),
    };
    const write = { topic: "agv/1/cmd/speed" };
    const tags = { ...vehicleTags, "position/x": { ...vehicleTags["position/x"], write } };
    const missing = { missing: { address: "agv/1/state", pointer: "/noSuchThing" } };
    return {
      device: deviceOf(tags, { clientId: "agv-1" }),
      flawed: { device: deviceOf({ ...tags, ...missing }), badTag: "missing" },
      writable: { tag: "position/x", value: 7 },
      broker: counting,
      faults: [
        talk("payloads that are no JSON", () => '{"driving":'),
        talk("payloads without the fields", () => "{}"),
        talk("empty payloads", () => ""),
        talk("payloads far too large", () => `"${"x".repeat(300_000)}"`),
        cut,
      ],
      contacts: () => contacts,
      stop,
    };
  },
});
