import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameRing, framesOf } from "./frame-ring.ts";

const text = (ring: FrameRing, device: string) =>
  [...framesOf(ring.copy(device))].map(({ bytes }) => bytes.toString("latin1"));

test("frames come back as they were: time, direction, channel, bytes", () => {
  const ring = new FrameRing({ slabBytes: 1_024, slabs: 4 });
  ring.keep("press-1", "sent", "tcp 10.0.0.5:502", Buffer.from([1, 2, 3]), 12.5);
  ring.keep("press-1", "received", "größe", Buffer.alloc(0), 13);
  expect([...framesOf(ring.copy("press-1"))]).toEqual([
    { t: 12.5, direction: "sent", channel: "tcp 10.0.0.5:502", bytes: Buffer.from([1, 2, 3]) },
    { t: 13, direction: "received", channel: "größe", bytes: Buffer.alloc(0) },
  ]);
});

test("whatever is kept, the newest frames of a device are there in order, and the memory stays bounded", () => {
  const frame = fc.record({
    device: fc.constantFrom("a", "b", "c"),
    size: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 200, size: "max" }), (frames) => {
      const ring = new FrameRing({ slabBytes: 512, slabs: 6 });
      for (const [t, { device, size }] of frames.entries()) {
        ring.keep(device, "sent", "x", Buffer.alloc(size, t & 0xff), t);
      }
      let bytes = 0;
      for (const device of ["a", "b", "c"]) {
        const copy = ring.copy(device);
        bytes += copy.length;
        const times = [...framesOf(copy)].map(({ t }) => t);
        const all = [...frames.entries()].filter(([, one]) => one.device === device).map(([t]) => t);
        expect(times).toEqual(all.slice(all.length - times.length));
      }
      expect(bytes).toBeLessThanOrEqual(512 * 6);
    }),
  );
});

test("a talkative device pushes its own oldest frames out, never a quiet one's", () => {
  const ring = new FrameRing({ slabBytes: 256, slabs: 4 });
  ring.keep("quiet", "sent", "", Buffer.from("still here"), 0);
  for (let t = 1; t <= 1_000; t += 1) ring.keep("loud", "sent", "", Buffer.from(`frame ${t}`), t);
  expect(text(ring, "quiet")).toEqual(["still here"]);
  const loud = text(ring, "loud");
  expect(loud.at(-1)).toBe("frame 1000");
  expect(loud.length).toBeGreaterThan(10);
});

test("more devices than slabs share them, and the memory stays in use", () => {
  const ring = new FrameRing({ slabBytes: 512, slabs: 8 });
  for (let t = 0; t < 2_000; t += 1) ring.keep(`d${t % 40}`, "sent", "", Buffer.from(`frame ${t}`), t);
  const kept = Array.from({ length: 40 }, (_, device) => text(ring, `d${device}`));
  expect(kept.map((frames) => frames.at(-1))).toEqual(kept.map((_, device) => `frame ${1_960 + device}`));
  expect(kept.flat().length).toBeGreaterThan(60);
});

test("of a frame longer than a slab the beginning is kept, with how long it was", () => {
  const ring = new FrameRing({ slabBytes: 256, slabs: 2 });
  ring.keep("camera", "received", "image", Buffer.alloc(10_000, 7), 0);
  const [frame] = framesOf(ring.copy("camera"));
  expect(frame).toMatchObject({ length: 10_000, channel: "image" });
  expect(frame?.bytes.length).toBeLessThan(256);
});

test("a device that is gone leaves nothing behind, to one of its name neither", () => {
  const ring = new FrameRing({ slabBytes: 256, slabs: 1 });
  ring.keep("a", "sent", "", Buffer.from("old"), 0);
  ring.forget("a");
  expect(ring.devices()).toEqual([]);
  ring.keep("a", "sent", "", Buffer.from("new"), 1);
  expect(text(ring, "a")).toEqual(["new"]);
});

test("a copy may be of the newest frames only", () => {
  const ring = new FrameRing({ slabBytes: 256, slabs: 4 });
  for (let t = 0; t < 5; t += 1) ring.keep("a", "sent", "", Buffer.from(`${t}`), t);
  expect([...framesOf(ring.copy("a", 50))].map(({ t }) => t)).toEqual([3, 4]);
});

test("of a frame that is given in part only, the length says how long it was", () => {
  const ring = new FrameRing({ slabBytes: 1_024, slabs: 4 });
  ring.keep("camera", "received", "image", Buffer.from("PNG"), 0, 48_213);
  expect([...framesOf(ring.copy("camera"))]).toMatchObject([{ bytes: Buffer.from("PNG"), length: 48_213 }]);
});
