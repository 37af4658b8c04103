import type { DescribedAlert } from "../services/alerting/describe.ts";
import { expect, test } from "vitest";
import { withColour, withoutColour } from "./demo-style.ts";
import type { DeviceRows, Row } from "./demo-table.ts";
import { renderScreen, renderTable, type DemoPicture } from "./demo-view.ts";

function rowOf(tag: string, fields: Partial<Row> = {}): Row {
  return {
    tag,
    unit: "bar",
    decimals: 1,
    value: 182.4,
    quality: "good",
    status: undefined,
    timestamp: 99_000,
    largest: 182.4,
    ...fields,
  };
}

function deviceOf(device: string, tags: number, fields: Partial<DeviceRows> = {}): DeviceRows {
  const rows = Array.from({ length: tags }, (_, index) => rowOf(`${device}/tag${index}`));
  return { device, place: "127.0.0.1:1502 unit 1", state: { state: "online" }, rows, ...fields };
}

function pictureOf(...devices: readonly DeviceRows[]): DemoPicture {
  return {
    gateway: "line1-gw",
    site: "plant1/line1",
    addresses: { mqtt: "127.0.0.1:1883", nats: "nats://127.0.0.1:4222", http: "127.0.0.1:9464" },
    devices,
    online: devices.length,
    readings: 12_345,
    readingsPerSecond: 113.4,
    badReadings: 2,
    natsMessages: 12_340,
    writes: 1,
    rssBytes: 99e6,
    elapsedMs: 65_000,
    now: 100_000,
    hints: [{ what: "Subscribe", commands: ["mosquitto_sub -t 'data/#' -v", "nats sub 'data.>'"] }],
    alerts: [],
    notes: ["wrote 1200 rpm"],
  };
}

const plain = (width: number, height: number) => ({ width, height, paint: withoutColour });

test("shows gateway, addresses, figures, devices with their tags, and how to subscribe", () => {
  const text = renderScreen(pictureOf(deviceOf("press-1", 1)), plain(140, 30)).join("\n");
  for (const part of [
    "line1-gw",
    "127.0.0.1:9464",
    "113 readings/s",
    "12,340 NATS messages",
    "01:05",
    "data/#",
  ])
    expect(text).toContain(part);
  expect(text).toMatch(/press-1 +online +127\.0\.0\.1:1502 unit 1/);
  expect(text).toMatch(/press-1\/tag0 +182\.4 +bar +good +1\.0 s/);
});

test("what is not normal stands on top, the worst first, and no more than there is room for", () => {
  const alert = (name: string, state: string, priority: string): DescribedAlert => ({
    alert: name,
    state,
    event: "raised",
    priority,
    message: `${name} wants somebody`,
    source: null,
    value: null,
    timestamp: 0,
    raisedAt: 0,
    count: 1,
    sequence: 1,
    raised: state === "unacknowledged",
  });
  const alerts = [
    alert("a", "latched-acknowledged", "critical"),
    alert("b", "unacknowledged", "low"),
    alert("c", "unacknowledged", "critical"),
    alert("d", "shelved", "low"),
  ];
  const lines = renderScreen({ ...pictureOf(deviceOf("press-1", 1)), alerts }, plain(140, 30));
  expect(lines.slice(2, 6)).toEqual([
    "CRITICAL  c  unacknowledged  c wants somebody",
    "LOW  b  unacknowledged  b wants somebody",
    "CRITICAL  a  latched-acknowledged  a wants somebody",
    "… 1 more alerts",
  ]);
});

test("no line is wider and no picture higher than the terminal, whatever its size", () => {
  const picture = pictureOf(deviceOf("press-1", 40), deviceOf("a-device-with-a-very-long-name", 3));
  for (const [width, height] of [
    [140, 45],
    [80, 24],
    [200, 12],
    [61, 8],
    [300, 100],
  ] as const) {
    const lines = renderScreen(picture, plain(width, height));
    expect(lines.length, `${width}×${height}`).toBeLessThanOrEqual(height);
    expect(Math.max(...lines.map((line) => line.length)), `${width}×${height}`).toBeLessThanOrEqual(width);
  }
});

test("where there is no room for all tags every device keeps some, and the rest is told", () => {
  const lines = renderScreen(pictureOf(deviceOf("press-1", 40), deviceOf("welder-1", 40)), plain(80, 24));
  const shown = (device: string) => lines.filter((line) => line.includes(`${device}/tag`)).length;
  expect(Math.abs(shown("press-1") - shown("welder-1"))).toBeLessThanOrEqual(1);
  const hidden = 80 - shown("press-1") - shown("welder-1");
  expect(lines.join("\n")).toContain(`… ${hidden} more tags`);
});

test("a device with few tags keeps them all, and what it does not need goes to the others", () => {
  const lines = renderScreen(pictureOf(deviceOf("press-1", 40), deviceOf("meter-1", 2)), plain(80, 24));
  const shown = (device: string) => lines.filter((line) => line.includes(`${device}/tag`)).length;
  expect(shown("meter-1")).toBe(2);
  expect(shown("press-1")).toBeGreaterThan(8);
});

test("a wide terminal gets a second column, which says whose rows it goes on with", () => {
  const lines = renderScreen(pictureOf(deviceOf("press-1", 40)), plain(140, 32));
  expect(lines.join("\n")).toContain("press-1 (continued)");
  expect(lines.join("\n")).not.toContain("more tags");
});

test("a bad value shows its status in place of a number, an offline device why and when it is tried again", () => {
  const bad = rowOf("oil/level", { value: null, quality: "bad", status: "IllegalDataAddress" });
  const error = { code: "DEVICE_TIMEOUT", message: "no answer" } as const;
  const device = deviceOf("press-1", 0, {
    rows: [bad],
    state: { state: "offline", error, retryInMs: 2_300 },
  });
  const text = renderScreen(pictureOf(device), plain(100, 30)).join("\n");
  expect(text).toMatch(/oil\/level +IllegalDataAddress +bad/);
  expect(text).toContain("offline DEVICE_TIMEOUT, next try in 2.3 s");
});

test("without colour there is no escape code, with it the text stays the same", () => {
  const picture = pictureOf(deviceOf("press-1", 3), deviceOf("welder-1", 1));
  const dull = renderScreen(picture, plain(140, 30)).join("\n");
  const gay = renderScreen(picture, { width: 140, height: 30, paint: withColour }).join("\n");
  expect(dull).not.toContain("\u001B");
  expect(gay).toContain("\u001B[32m");
  const codes = new RegExp(`${String.fromCodePoint(27)}\\[[0-9;]*m`, "g");
  expect(gay.replaceAll(codes, "").replaceAll(/ +$/gm, "")).toBe(dull.replaceAll(/ +$/gm, ""));
});

test("the plain table has every tag with every column", () => {
  const [head, first, ...rest] = renderTable(pictureOf(deviceOf("press-1", 2), deviceOf("welder-1", 1)));
  expect(head?.split(/ +/)).toEqual(["DEVICE", "STATE", "TAG", "VALUE", "UNIT", "QUALITY", "AGE"]);
  expect(first?.split(/ {2,}/)).toEqual([
    "press-1",
    "online",
    "press-1/tag0",
    "182.4",
    "bar",
    "good",
    "1.0 s",
  ]);
  expect(rest.length).toBe(2);
});
