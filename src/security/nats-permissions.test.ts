import { expect, test } from "vitest";
import { natsUsers } from "./nats-permissions.ts";

const site = "plant1/line1";

function natsPermissions(rights: { read: string[]; write: string[] }, place: string) {
  const around = { gateway: "line1-gw", site: place, imageBucket: "images" };
  const [user] = natsUsers({ panel: { publish: [], ...rights } }, around);
  return { publish: user?.publish ?? [], subscribe: user?.subscribe ?? [] };
}

test("a reader subscribes to what it may read, and gets the snapshot of just that", () => {
  const { publish, subscribe } = natsPermissions({ read: ["data/plant1/line1/+/ram/#"], write: [] }, site);
  expect(subscribe).toEqual(["data.plant1.line1.*.ram.>", "_INBOX.>"]);
  expect(publish).toContain("$JS.API.CONSUMER.CREATE.LATEST.*.data.plant1.line1.*.ram.>");
  expect(publish.every((subject) => subject.startsWith("$JS."))).toBe(true);
});

test("a writer sends requests to its commands alone", () => {
  const { publish, subscribe } = natsPermissions({ read: [], write: ["cmd/plant1/line1/press-1/#"] }, site);
  expect(publish).toEqual(["cmd.plant1.line1.press-1.>"]);
  expect(subscribe).toEqual(["_INBOX.>"]);
  expect(natsPermissions({ read: [], write: ["cmd/#"] }, site).publish).toContain("cmd.plant1.line1.>");
});

test("who may read everything reads no inbox of others and no server internals", () => {
  const { subscribe } = natsPermissions({ read: ["#"], write: [] }, site);
  expect(subscribe).toContain("data.>");
  expect(subscribe).not.toContain(">");
  expect(subscribe.some((subject) => subject.startsWith("$"))).toBe(false);
});

test("who may write everything of the site may ask everything of the services, who reads all of them how things stand", () => {
  const asked = (rights: { read: string[]; write: string[] }) =>
    natsPermissions(rights, site).publish.filter((subject) =>
      /^(scheduling|alerting|ledger|\$SRV\.PING)/.test(subject),
    );
  const discovery = ["$SRV.PING", "$SRV.PING.>"];
  expect(asked({ read: [], write: ["cmd/plant1/line1/#"] })).toEqual([
    "scheduling.line1-gw.>",
    "alerting.line1-gw.>",
    "ledger.line1-gw.>",
    ...discovery,
  ]);
  expect(asked({ read: ["line/#"], write: [] })).toEqual(["scheduling.line1-gw.state", ...discovery]);
  expect(asked({ read: ["alert/#"], write: [] })).toEqual([
    "alerting.line1-gw.list",
    "alerting.line1-gw.report",
    ...discovery,
  ]);
  // Balances are readings.
  expect(asked({ read: ["data/#"], write: [] })).toEqual(["ledger.line1-gw.list", ...discovery]);
  expect(asked({ read: ["data/+/+/press-1/#"], write: ["cmd/plant1/line1/press-1/#"] })).toEqual([]);
});

test("the process of a service may do what the service does in the gateway, and writes no data", () => {
  const around = { gateway: "line1-gw", site, imageBucket: "images" };
  const rights = { read: [], write: [], publish: ["agv/+/order", "a/*"] };
  const [scheduler] = natsUsers({ scheduler: { service: "scheduling", ...rights } }, around);
  expect(scheduler?.answers).toBe(true);
  const events = (subject: string) => /^\$JS\.API\.STREAM\.[A-Z.]+\.EVENTS(_\d)?$/.test(subject);
  expect(scheduler?.publish.filter(events)).toHaveLength(36);
  expect(scheduler?.publish.filter((subject) => !events(subject))).toEqual([
    "line.plant1.line1.>",
    "cmd.plant1.line1.>",
    "bridge.line1-gw.scheduling.>",
    "$KV.line.plant1.line1.*",
    "$JS.API.STREAM.INFO.KV_line",
    "$JS.API.STREAM.CREATE.KV_line",
    "$JS.API.STREAM.MSG.GET.KV_line",
    "$JS.API.STREAM.MSG.GET.LATEST",
    "agv.*.order",
  ]);
  expect(scheduler?.subscribe).toContain("scheduling.line1-gw.>");
});

test("a filter that would mean more on NATS, or nothing, is left out", () => {
  const user = { read: ["data/*/x", "data/a.b/#", "agv/+/state", "data/ > /x"], write: ["cmd/*", "agv/x"] };
  expect(natsPermissions(user, site)).toEqual({ publish: [], subscribe: [] });
});
