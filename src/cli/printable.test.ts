import { expect, test } from "vitest";
import type { DeviceState } from "../supervisor/device-state.ts";
import { alignValue, fit } from "./demo-format.ts";
import type { Row } from "./demo-table.ts";
import { renderTable } from "./demo-view.ts";
import { printable } from "./printable.ts";
import { table } from "./table.ts";
import { withUnit } from "./tag-value.ts";

const hostile = "ok\u001B[2J\u0007\r\nrow\u009B1m\u202Egnp\u2028x";

test("what a terminal would obey, and what would break a line, is made visible; all else stays", () => {
  expect(printable(hostile)).toBe("ok�[2J���row�1m�gnp�x");
  expect(printable("Grüße 温度 −3 °C €")).toBe("Grüße 温度 −3 °C €");
});

test("a device's text reaches no screen with such characters in it", () => {
  const row = {
    tag: "note",
    value: hostile,
    unit: "\u001B[31m",
    decimals: undefined,
    largest: 0,
    timestamp: 0,
  };
  const rows: Row[] = [{ ...row, quality: "good", status: undefined }];
  const state: DeviceState = { state: "online" };
  const picture = { devices: [{ device: "till", place: "", state, rows }], now: 0 };
  const shown = [
    table([{ heading: "VALUE" }], [[hostile]]),
    withUnit(hostile, "\u001B[31m"),
    fit(hostile, 80),
    alignValue(hostile, 80),
    renderTable(picture).join("\n"),
  ];
  // oxlint-disable-next-line no-control-regex -- it is what the test looks for
  for (const text of shown) expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
  expect(renderTable(picture)).toHaveLength(2);
});
