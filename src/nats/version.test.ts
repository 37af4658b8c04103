import { expect, test } from "vitest";
import { parseVersion } from "./version.ts";

test.each([
  ["nats-server: v2.9.10", "2.9.10", false, false, true],
  ["nats-server: v2.10.0", "2.10.0", true, false, true],
  ["nats-server: v2.11.0-RC.1\n", "2.11.0-RC.1", true, true, true],
  ["nats-server: v2.15.2", "2.15.2", true, true, false],
  ["nats-server: v3.0.1", "3.0.1", true, true, false],
])("%s has the features of its version", (printed, text, syncInterval, bufferedMessages, denyImports) => {
  expect(parseVersion(printed)).toEqual({ text, features: { syncInterval, bufferedMessages, denyImports } });
});

test("a server that is too old is named with the version that is needed", () => {
  expect(() => parseVersion("nats-server: v2.2.0")).toThrow("2.2.0 is too old: 2.9 or newer");
});

test("a program that is not nats-server is refused", () => {
  expect(() => parseVersion("GNU coreutils 9.1")).toThrow("does not print a version");
});
