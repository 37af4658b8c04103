import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { portsInWords, serialPorts } from "./serial-ports.ts";

function devices(...names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "linegate-dev-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "serial", "by-id"), { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), "");
  return folder;
}

test("names that stay come first, then other ports; what may be no hardware is left out", () => {
  const folder = devices("ttyUSB1", "ttyS0", "tty1", "ttyACM0", "serial/by-id/usb-FTDI-port0", "null");
  const names = serialPorts(folder).map((path) => path.slice(folder.length + 1));
  expect(names).toEqual(["serial/by-id/usb-FTDI-port0", "ttyACM0", "ttyUSB1"]);
});

test("a machine without ports says so, one with many names some", () => {
  expect(portsInWords(serialPorts("/nowhere"))).toBe("This machine has no USB or on-board serial port now");
  const many = Array.from({ length: 10 }, (_, index) => `/dev/ttyUSB${index}`);
  expect(portsInWords(many)).toMatch(/ttyUSB7 and 2 more$/);
});
