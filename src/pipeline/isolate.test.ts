import { Subject } from "rxjs";
import { expect, test } from "vitest";
import { conflate } from "./conflate.ts";
import { isolate } from "./isolate.ts";

test("a service that fails on a reading neither stops the stream nor the other services, and is logged once", () => {
  const errors: string[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (_: object, text: string) => void errors.push(text),
  };
  const readings = new Subject<number>();
  const seen: number[] = [];
  const fail = (value: number) => {
    if (value < 3) throw new Error("no");
    seen.push(value);
  };
  readings.subscribe(isolate("failing", log, fail, () => 0));
  readings.subscribe(isolate("sound", log, (value) => void seen.push(value * 10)));
  for (const value of [1, 2, 3]) readings.next(value);
  expect(seen).toEqual([10, 20, 3, 30]);
  expect(errors).toHaveLength(1);
});

test("a screen gets the newest value of each key, and the last ones at the end", () => {
  const readings = new Subject<{ tag: string; value: number }>();
  const shown: number[][] = [];
  readings
    .pipe(conflate((reading) => reading.tag, 60_000))
    .subscribe((latest) => shown.push([...latest.values()].map((r) => r.value)));
  for (let value = 0; value < 1000; value++) readings.next({ tag: value % 2 === 0 ? "a" : "b", value });
  expect(shown).toEqual([]);
  readings.complete();
  expect(shown).toEqual([[998, 999]]);
});
