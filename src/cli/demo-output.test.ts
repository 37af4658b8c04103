import { expect, test } from "vitest";
import { openView } from "./demo-output.ts";
import type { DemoPicture } from "./demo-view.ts";

const summary = { devices: 1, online: 1, readings: 5, badReadings: 0, natsMessages: 4, writes: 1, alerts: 0 };

function pictureAt(elapsedMs: number, value: number | undefined): DemoPicture {
  const row = {
    tag: "ram/pressure",
    unit: "bar",
    decimals: 1,
    value,
    quality: "good",
    status: undefined,
    timestamp: 0,
    largest: 0,
  } as const;
  return {
    gateway: "gw",
    site: "a/b",
    addresses: { mqtt: "127.0.0.1:1883", nats: "nats://127.0.0.1:4222", http: "127.0.0.1:9464" },
    devices: [{ device: "press-1", place: "", state: { state: "online" }, rows: [row] }],
    online: 1,
    readings: 5,
    readingsPerSecond: 2,
    badReadings: 0,
    natsMessages: 4,
    writes: 1,
    rssBytes: 1e8,
    elapsedMs,
    now: 1_000,
    hints: [{ what: "Subscribe", commands: ["mosquitto_sub"] }],
    alerts: [],
    notes: [],
  };
}

function terminal(isTTY: boolean) {
  let text = "";
  return { isTTY, columns: 100, rows: 30, write: (part: string) => void (text += part), text: () => text };
}

test("with --json stdout gets one line and nothing else", () => {
  const output = terminal(true);
  const view = openView(true, output, {});
  view.show(pictureAt(500, 1));
  view.finish(pictureAt(3_000, 1), summary);
  view.close();
  expect(output.text()).toBe(`${JSON.stringify(summary)}\n`);
});

test("a pipe gets the table once values are there and once at the end, without escape codes", () => {
  const output = terminal(false);
  const view = openView(false, output, {});
  view.show(pictureAt(200, undefined));
  expect(output.text()).toBe("");
  view.show(pictureAt(500, 1));
  view.show(pictureAt(700, 1));
  view.finish(pictureAt(3_000, 2), summary);
  expect(output.text().match(/^DEVICE/gm)?.length).toBe(2);
  expect(output.text()).toContain("mosquitto_sub");
  expect(output.text()).not.toContain("\u001B");
});

test("a device that never answers does not keep the table from a pipe for ever", () => {
  const output = terminal(false);
  openView(false, output, {}).show(pictureAt(3_000, undefined));
  expect(output.text()).toContain("ram/pressure");
});

test("a terminal is painted over and gets its own screen back, with what was said and the figures", () => {
  const output = terminal(true);
  const view = openView(false, output, {});
  view.say("Port 1883 (MQTT) is taken; a free one is used in its place.");
  view.show(pictureAt(500, 1));
  view.finish(pictureAt(3_000, 1), summary);
  const [, after = ""] = output.text().split("\u001B[?1049l");
  expect(after).toContain("Port 1883");
  expect(after).toContain("1 of 1 devices online; 5 readings in 3.0 s, 0 of them bad");
});

test("NO_COLOR takes the colours away", () => {
  const coloured = terminal(true);
  const dull = terminal(true);
  openView(false, coloured, {}).show(pictureAt(500, 1));
  openView(false, dull, { NO_COLOR: "1" }).show(pictureAt(500, 1));
  expect(coloured.text()).toContain("\u001B[32monline");
  expect(dull.text()).not.toContain("\u001B[32m");
});
