import type { AedesPublishPacket } from "aedes";
import { expect, test, vi } from "vitest";
import { Holds } from "./holds.ts";
import { TopicEmitter } from "./topic-emitter.ts";

const message = {
  cmd: "publish",
  topic: "a/b",
  payload: "",
  qos: 0,
  retain: false,
  dup: false,
} as AedesPublishPacket;

test("a subscriber that throws harms neither the others nor the publisher", () => {
  const onError = vi.fn<(caught: unknown, topic: string) => void>();
  const emitter = new TopicEmitter(new Holds(), onError);
  const broken = new TypeError("broken");
  const after = vi.fn<() => void>();
  const done = vi.fn<() => void>();
  emitter.on("a/#", () => {
    throw broken;
  });
  emitter.on("a/b", after);
  emitter.emit(message, done);
  expect(onError).toHaveBeenCalledWith(broken, "a/b");
  expect(after).toHaveBeenCalledOnce();
  expect(done).toHaveBeenCalledOnce();
});

test("a subscriber that ends another's subscription while a message goes round disturbs nobody", () => {
  const emitter = new TopicEmitter(new Holds(), () => undefined);
  const last = vi.fn<() => void>();
  const second = vi.fn<() => void>();
  emitter.on("a/b", () => void emitter.removeListener("a/b", second));
  emitter.on("a/b", second);
  emitter.on("a/b", last);
  emitter.emit(message);
  emitter.emit(message);
  expect(second.mock.calls.length).toBeLessThanOrEqual(1);
  expect(last).toHaveBeenCalledTimes(2);
});
