import { expect, test } from "vitest";
import { AlternateScreen } from "./demo-screen.ts";

function terminal() {
  let written = "";
  return {
    columns: 100,
    rows: 30,
    write: (text: string) => void (written += text),
    written: () => written,
  };
}

test("opens the alternate screen once, paints in place, and leaves the terminal as it was", () => {
  const output = terminal();
  const screen = new AlternateScreen(output);
  screen.paint(["one", "two"]);
  screen.paint(["three"]);
  screen.restore();
  screen.restore();
  const written = output.written();
  expect(written.split("\u001B[?1049h").length - 1).toBe(1);
  expect(written.split("\u001B[?1049l").length - 1).toBe(1);
  expect(written).toContain("one\u001B[K\r\ntwo\u001B[K\u001B[J");
  expect(written.endsWith("\u001B[?25h\u001B[?1049l")).toBe(true);
});

test("what was never painted needs no restoring", () => {
  const output = terminal();
  const screen = new AlternateScreen(output);
  screen.restore();
  expect(output.written()).toBe("");
  expect(screen.size).toEqual({ width: 100, height: 30 });
});
