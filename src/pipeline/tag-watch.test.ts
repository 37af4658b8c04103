import { expect, test } from "vitest";
import { TagPath } from "../domain/tag-path.ts";
import { TagWatch } from "./tag-watch.ts";

function watchOf() {
  const errors: object[] = [];
  const quiet = () => {};
  const log = { debug: quiet, info: quiet, warn: quiet, error: (fields: object) => void errors.push(fields) };
  const watch = new TagWatch("plant1/line1", log);
  const take = (tag: string, value: number) =>
    watch.take({
      path: new TagPath("data", "plant1/line1", tag),
      value,
      quality: "good",
      timestamp: 1,
      sequence: 1,
      readAt: 0,
    });
  return { watch, take, errors };
}

test("those who watch a tag get its readings and no others, until they stop", () => {
  const { watch, take } = watchOf();
  const seen: unknown[] = [];
  const stop = watch.watch("press-1/cycle/done", ({ value }) => void seen.push(value));
  take("press-1/cycle/done", 1);
  take("press-1/cycle/count", 2);
  stop();
  take("press-1/cycle/done", 3);
  expect(seen).toEqual([1]);
});

test("one that stops twice does not stop another that began meanwhile", () => {
  const { watch, take } = watchOf();
  const seen: unknown[] = [];
  const stop = watch.watch("press-1/a", () => {});
  stop();
  watch.watch("press-1/a", ({ value }) => void seen.push(value));
  stop();
  take("press-1/a", 1);
  expect(seen).toEqual([1]);
});

test("one that throws is logged and keeps nobody from the reading", () => {
  const { watch, take, errors } = watchOf();
  const seen: unknown[] = [];
  watch.watch("press-1/a", () => {
    throw new RangeError("planted");
  });
  watch.watch("press-1/a", ({ value }) => void seen.push(value));
  take("press-1/a", 7);
  expect(seen).toEqual([7]);
  expect(errors).toHaveLength(1);
});
