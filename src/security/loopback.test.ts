import { expect, test } from "vitest";
import { isLoopback } from "../adapter-kit/loopback.ts";
import { listenerRefusal } from "./loopback.ts";

test.each([
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["192.168.1.2", false],
  ["127.example", false],
])("%s is loopback: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test("a listener beyond loopback is refused only while nobody said who may do what", () => {
  expect(listenerRefusal({ host: "0.0.0.0", port: 1883 }, true)).toContain("0.0.0.0:1883");
  expect(listenerRefusal({ host: "127.0.0.1", port: 1883 }, true)).toBeUndefined();
  expect(listenerRefusal({ host: "0.0.0.0", port: 1883 }, false)).toBeUndefined();
});
