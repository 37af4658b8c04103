import { expect, test } from "vitest";
import { timingOf } from "./line-timing.ts";
import { deviceOf } from "./mapping-fixture.ts";

function timing(connection: object) {
  return timingOf(deviceOf([], { connection }).connection);
}

test.each([
  [{ baud: 9_600 }, 11 / 9.6, (3.5 * 11) / 9.6],
  [{ baud: 19_200, parity: "none" }, 10 / 19.2, 35 / 19.2],
  [{ baud: 1_200, parity: "none", stopBits: 2 }, 11 / 1.2, 38.5 / 1.2],
  // Above 19200 baud the silence stays: V1.02 §2.5.1.1.
  [{ baud: 115_200 }, 11 / 115.2, 1.75],
])(
  "on an RTU line with %o a character takes %d ms, the silence %d ms",
  (settings, characterMs, silenceMs) => {
    const found = timing({ transport: "rtu", port: "/dev/ttyUSB0", ...settings });
    expect(found.characterMs).toBeCloseTo(characterMs);
    expect(found.silenceMs).toBeCloseTo(silenceMs);
  },
);

test("ASCII needs no silence, and a network neither that nor time for characters", () => {
  expect(timing({ transport: "ascii", port: "/dev/ttyUSB0" })).toEqual({
    characterMs: 10 / 19.2,
    silenceMs: 0,
  });
  expect(timing({ transport: "rtu-over-tcp", port: 4_001 })).toEqual({ characterMs: 0, silenceMs: 0 });
});
