import { expect, onTestFinished, test, vi } from "vitest";
import type { Adapter, AdapterContext } from "../adapter-kit/adapter.ts";
import { BusRegistry } from "../adapter-kit/bus.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { ms } from "../domain/duration.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Reading, Sample } from "../domain/reading.ts";
import { noReadings, Normaliser } from "../normalise/normaliser.ts";
import { Sequences } from "../normalise/sequences.ts";
import type { DeviceState } from "./device-state.ts";
import { Supervisor } from "./supervisor.ts";
import { idleSurroundings } from "./testing.ts";

const unreachable = () =>
  new GatewayError("DEVICE_UNREACHABLE", "Connection refused by 127.0.0.1:1502. Check power and cabling.");
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

interface Script {
  connect?: (attempt: number) => Promise<void>;
  run?: (context: AdapterContext, signal: AbortSignal, attempt: number) => Promise<void>;
  read?: () => Promise<readonly Sample[]>;
  write?: (signal: AbortSignal) => Promise<void>;
  dialsIn?: boolean;
  silence?: number;
}

/** A supervisor over a scripted adapter, with a clock whose sleeps end at once and are recorded. */
function supervise(script: Script) {
  const time = { monotonic: 0 };
  const sleeps: number[] = [];
  const readings: Reading[] = [];
  const states: DeviceState[] = [];
  const warnings: string[] = [];
  const contexts: AdapterContext[] = [];
  let closed = 0;
  const clock = {
    now: () => 1_795_370_000_000,
    monotonic: () => time.monotonic,
    sleep: async (wait: number) => {
      sleeps.push(wait);
      time.monotonic += wait;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const device: DeviceMapping = {
    device: "press-1",
    adapter: "scripted",
    connection: {},
    options: {},
    ...(script.silence === undefined ? {} : { silence: ms(script.silence) }),
    tags: ["a", "b"].map((name) => ({
      name,
      options: {},
      value: { kind: "float" },
      scale: 1,
      offset: 0,
      stale: ms(1000),
    })),
  };
  const quiet = {
    debug: () => {},
    info: () => {},
    error: () => {},
    warn: (_: object, text: string) => void warnings.push(text),
  };
  const create = (_: DeviceMapping, context: AdapterContext): Adapter => {
    const attempt = contexts.push(context);
    return {
      connect: async () => script.connect?.(attempt),
      run: async (signal) =>
        (script.run ?? ((_context, aborted) => untilAborted(aborted)))(context, signal, attempt),
      write: async (_writes, signal) => script.write?.(signal),
      read: async () => script.read?.() ?? [],
      close: async () => void closed++,
    };
  };
  const publish = (reading: Reading) => void readings.push(reading);
  const supervisor = new Supervisor(
    device,
    { name: "scripted", dialsIn: () => script.dialsIn ?? false, create },
    {
      normaliser: new Normaliser(device, {
        site: "line1",
        clock,
        sequences: new Sequences(),
        publish,
        counters: noReadings(),
      }),
      log: quiet,
      clock,
      random: () => 0.999_999,
      metrics: { request: () => {}, fault: () => {} },
      broker: { subscribe: () => () => {}, publish: () => {}, onClient: () => () => {} },
      buses: new BusRegistry(),
      ...idleSurroundings,
      onState: (state) => void states.push(state),
    },
  );
  onTestFinished(() => supervisor.stop());
  supervisor.start();
  return { supervisor, time, sleeps, readings, states, warnings, contexts, closed: () => closed };
}

const good = (tag: string, value = 1) => ({ tag, value, quality: "good" }) as const;

test("a device that is absent at start is tried again with growing waits until it is there", async () => {
  const { supervisor, sleeps, states, warnings } = supervise({
    connect: async (attempt) => {
      if (attempt <= 4) throw unreachable();
    },
    run: async (context, signal) => {
      context.emit([good("a")]);
      await untilAborted(signal);
    },
  });
  await vi.waitFor(() => expect(supervisor.state.state).toBe("online"));
  expect(sleeps).toEqual([500, 1000, 2000, 4000]);
  expect(states.map((s) => s.state)).toEqual([
    "connecting",
    "offline",
    "offline",
    "offline",
    "offline",
    "online",
  ]);
  expect(states[1]).toMatchObject({ error: { code: "DEVICE_UNREACHABLE" }, retryInMs: 500 });
  expect(warnings).toEqual([
    "offline: Connection refused by 127.0.0.1:1502. Check power and cabling. Next try in 500ms.",
  ]);
});

test("an open connection without data is not online", async () => {
  const { supervisor, contexts } = supervise({});
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(supervisor.state.state).toBe("connecting");
  contexts[0]?.emit([{ tag: "a", value: null, quality: "bad", status: "Timeout", noSignOfLife: true }]);
  expect(supervisor.state.state).toBe("connecting");
  contexts[0]?.emit([{ tag: "a", value: null, quality: "bad", status: "IllegalDataAddress" }]);
  expect(supervisor.state.state).toBe("online");
});

test("a lost device gives one bad reading for every tag, and its sequences go on when it is back", async () => {
  const { readings, contexts } = supervise({
    run: async (context, signal, attempt) => {
      context.emit([good("a"), good("b")]);
      if (attempt === 1) throw unreachable();
      await untilAborted(signal);
    },
  });
  await vi.waitFor(() => expect(readings).toHaveLength(6));
  expect(readings.map((r) => `${r.path.topic.at(-1)}${r.sequence} ${r.quality} ${r.status ?? ""}`)).toEqual([
    "a1 good ",
    "b1 good ",
    "a2 bad DeviceOffline",
    "b2 bad DeviceOffline",
    "a3 good ",
    "b3 good ",
  ]);
  expect(contexts).toHaveLength(2);
});

test("data of a connection that was given up is not taken for the device's present", async () => {
  const { readings, contexts } = supervise({
    run: async (context, signal, attempt) => {
      context.emit([good("a", attempt)]);
      if (attempt === 1) throw unreachable();
      await untilAborted(signal);
    },
  });
  await vi.waitFor(() => expect(contexts).toHaveLength(2));
  const before = readings.length;
  contexts[0]?.emit([good("a", 99)]);
  expect(readings.slice(before).map((r) => r.value)).not.toContain(99);
});

test("a subscription that went dead under an open connection is noticed by its silence and made anew", async () => {
  const { supervisor, time, contexts } = supervise({
    silence: 5000,
    run: async (context, signal) => {
      context.emit([good("a")]);
      await untilAborted(signal);
    },
  });
  await vi.waitFor(() => expect(supervisor.state.state).toBe("online"));
  time.monotonic += 5001;
  supervisor.sweep();
  await vi.waitFor(() => expect(contexts).toHaveLength(2));
  await vi.waitFor(() => expect(supervisor.state.state).toBe("online"));
});

test("a device that dials in is offline when silent, is never torn down, and data brings it back", async () => {
  const { supervisor, time, contexts } = supervise({ dialsIn: true, silence: 5000 });
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  time.monotonic += 5001;
  supervisor.sweep();
  expect(supervisor.state).toMatchObject({ state: "offline", error: { code: "DEVICE_TIMEOUT" } });
  contexts[0]?.emit([good("a")]);
  expect(supervisor.state.state).toBe("online");
  contexts[0]?.lost(new GatewayError("DEVICE_UNREACHABLE", "Its last will came."));
  expect(supervisor.state.state).toBe("offline");
  expect(contexts).toHaveLength(1);
});

test("a tag that stopped coming goes stale while the device stays online", async () => {
  const { supervisor, time, readings, contexts } = supervise({});
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  contexts[0]?.emit([good("a"), good("b")]);
  time.monotonic += 900;
  contexts[0]?.emit([good("a")]);
  time.monotonic += 200;
  supervisor.sweep();
  expect(supervisor.state.state).toBe("online");
  expect(readings.at(-1)).toMatchObject({ quality: "bad", status: "Stale", sequence: 2 });
  expect(readings.at(-1)?.path.topic).toBe("data/line1/press-1/b");
});

test("stopping closes the adapter, marks the tags bad and says stopped; a write is refused then", async () => {
  const { supervisor, states, readings, contexts, closed } = supervise({});
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  contexts[0]?.emit([good("a"), good("b")]);
  await supervisor.write([{ tag: "a", value: 1 }], AbortSignal.timeout(1000));
  expect(() => supervisor.mayWrite()).not.toThrow();
  await supervisor.stop();
  await supervisor.stop();
  expect(closed()).toBe(1);
  expect(states.at(-1)).toEqual({ state: "stopped" });
  expect(readings.slice(-2).map((r) => r.status)).toEqual(["DeviceStopped", "DeviceStopped"]);
  await expect(supervisor.write([{ tag: "a", value: 1 }], AbortSignal.timeout(1000))).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
  });
  expect(() => supervisor.mayWrite()).toThrow("is stopped");
});

test("an error that trying again can't mend is tried at the longest wait only", async () => {
  const { sleeps } = supervise({
    connect: async () => {
      throw new GatewayError("CONFIG_INVALID", "The certificate is not of this server.");
    },
  });
  await vi.waitFor(() => expect(sleeps.length).toBeGreaterThan(2));
  expect(new Set(sleeps)).toEqual(new Set([10_000]));
});

test("an adapter that does not end when told to is left behind, and the device goes on", async () => {
  const { supervisor, contexts, time } = supervise({
    silence: 5000,
    run: async (context, signal, attempt) => {
      context.emit([good("a")]);
      await (attempt === 1 ? new Promise(() => {}) : untilAborted(signal));
    },
  });
  await vi.waitFor(() => expect(supervisor.state.state).toBe("online"));
  time.monotonic += 5001;
  supervisor.sweep();
  await vi.waitFor(() => expect(contexts).toHaveLength(2));
});

test("what is read while the connection ends is not published as the device's present", async () => {
  const reading = Promise.withResolvers<readonly Sample[]>();
  const { supervisor, contexts, readings, states } = supervise({ read: () => reading.promise });
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  contexts[0]?.emit([good("a")]);
  const read = supervisor.read(["a"], AbortSignal.timeout(1000));
  await supervisor.stop();
  reading.resolve([good("a", 99)]);
  await read;
  expect(readings.map((r) => r.value)).not.toContain(99);
  expect(states.at(-1)).toEqual({ state: "stopped" });
});

test("a write that waits in the adapter ends with the connection", async () => {
  const { supervisor, contexts } = supervise({ write: (signal) => untilAborted(signal) });
  await vi.waitFor(() => expect(contexts).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  contexts[0]?.emit([good("a")]);
  const outcome = supervisor
    .write([{ tag: "a", value: 1 }], AbortSignal.timeout(5000))
    .catch((caught: unknown) => caught);
  await supervisor.stop();
  expect(await outcome).toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: "The connection to press-1 ended meanwhile.",
  });
});
