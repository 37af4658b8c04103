import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { GatewayError } from "../domain/errors.ts";
import type { Adapter, AdapterModule } from "./adapter.ts";
import type { LocalBroker } from "./local-broker.ts";
import type { DeviceMapping } from "./mapping.ts";
import { RecordingContext } from "./recording-context.ts";

/** Something that the simulated device can be made to suffer. */
export interface SimulatedFault {
  readonly name: string;
  begin(): void | Promise<void>;
  /** True once the adapter has met with the fault. */
  bites(): boolean;
  end(): void | Promise<void>;
}

/** A running simulator, and the mapping of the device that it plays. */
interface SimulatedDevice {
  /** Two tags or more, all of which the simulator answers for or sends. */
  readonly device: DeviceMapping;
  /** The same with one tag more that the device does not have, where the protocol lets it say so. */
  readonly flawed?: { readonly device: DeviceMapping; readonly badTag: string };
  /** True where a value comes only when it changes: one that came before is still the present one. */
  readonly reportsByException?: true;
  /** A tag of `device` that can be written, and a value for it, where the adapter writes. */
  readonly writable?: { readonly tag: string; readonly value: number | boolean };
  /** For devices that dial in. */
  readonly broker?: LocalBroker;
  readonly faults: readonly SimulatedFault[];
  /** How often the adapter has been in touch: grows with every connection, request or subscription. */
  contacts(): number;
  /** Ends the simulator. */
  stop(): Promise<void>;
}

interface ConformanceHarness<C, O, T> {
  readonly module: AdapterModule<C, O, T>;
  start(): Promise<SimulatedDevice & { readonly device: DeviceMapping<C, O, T> }>;
}

/** Every adapter's tests call this once: what `Adapter` promises, tried against the adapter's own simulator. */
export function testConformance<C, O, T>(harness: ConformanceHarness<C, O, T>): void {
  const module = harness.module as AdapterModule;

  async function peer(): Promise<{ simulated: SimulatedDevice; context: RecordingContext }> {
    const simulated = await harness.start();
    onTestFinished(() => simulated.stop());
    const { broker } = simulated;
    return { simulated, context: new RecordingContext(broker === undefined ? {} : { broker }) };
  }

  describe(`the adapter ${module.name} keeps the contract`, () => {
    test("touches nothing before connect", async () => {
      const { simulated, context } = await peer();
      const before = openResources();
      const adapter = module.create(simulated.device, context);
      await adapter.close();
      expect(simulated.contacts()).toBe(0);
      expect(openResources()).toBe(before);
    });

    test("shows every tag of the mapping", async () => {
      const { simulated, context } = await peer();
      await running(module, simulated.device, context);
      const wanted = simulated.device.tags.map((tag) => tag.name).sort();
      await expect.poll(() => context.goodTags().sort()).toEqual(wanted);
    });

    test("shows a tag that the device does not have as bad, and costs no other tag anything", async (ctx) => {
      const { simulated, context } = await peer();
      if (simulated.flawed === undefined) {
        return ctx.skip("a device of this protocol can't refuse a single tag");
      }
      const { device, badTag } = simulated.flawed;
      await running(module, device, context);
      const others = device.tags.map((tag) => tag.name).filter((name) => name !== badTag);
      await expect.poll(() => context.latest.get(badTag)?.quality).toBe("bad");
      expect(context.latest.get(badTag)).toMatchObject({ value: null, status: expect.any(String) as string });
      if (simulated.reportsByException !== true) context.clear();
      await expect.poll(() => context.goodTags().sort()).toEqual(others.sort());
    });

    test("settles soon after an abort, in connect and in run", async () => {
      const { simulated, context } = await peer();
      const connecting = new AbortController();
      const unconnected = opened(module, simulated.device, context);
      const connected = unconnected.connect(connecting.signal);
      connecting.abort();
      await settlesSoon(connected);
      const adapter = opened(module, simulated.device, context);
      await adapter.connect(AbortSignal.timeout(5_000));
      const stop = new AbortController();
      const run = adapter.run(stop.signal);
      await expect.poll(() => context.batches.length).toBeGreaterThan(0);
      stop.abort();
      await settlesSoon(run);
      await settlesSoon(adapter.close());
    });

    test("refuses to begin with a signal that is aborted already", async () => {
      const { simulated, context } = await peer();
      const adapter = opened(module, simulated.device, context);
      await expect(adapter.connect(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    });

    test("leaves no timer and no socket behind, however often it is closed", async () => {
      const { simulated, context } = await peer();
      const before = await fewestResources();
      const adapter = module.create(simulated.device, context);
      await adapter.connect(AbortSignal.timeout(5_000));
      const stop = new AbortController();
      const run = adapter.run(stop.signal).catch(() => undefined);
      await expect.poll(() => context.batches.length).toBeGreaterThan(0);
      stop.abort();
      await run;
      await Promise.all([adapter.close(), adapter.close()]);
      await adapter.close();
      // A broker that it spoke to may have a timer of its own, for a second or two.
      expect(await fewestResources(300, before)).toBeLessThanOrEqual(before);
    });

    test("says DEVICE_UNREACHABLE of a write while nothing is connected", async (ctx) => {
      const { simulated, context } = await peer();
      const adapter = opened(module, simulated.device, context);
      const { writable } = simulated;
      if (adapter.write === undefined || writable === undefined) {
        return ctx.skip("this adapter does not write");
      }
      const written = adapter.write([writable], AbortSignal.timeout(5_000));
      await expect(written).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
    });

    test("has its data again after each fault of the device", async () => {
      const { simulated, context } = await peer();
      await running(module, simulated.device, context);
      const wanted = simulated.device.tags.map((tag) => tag.name).sort();
      await expect.poll(() => context.goodTags().sort()).toEqual(wanted);
      for (const fault of simulated.faults) {
        await fault.begin();
        await expect.poll(() => fault.bites(), { message: `${fault.name} bites` }).toBe(true);
        await fault.end();
        context.clear();
        await expect
          .poll(() => context.goodTags().sort(), { message: `data after ${fault.name}` })
          .toEqual(wanted);
      }
    });
  });
}

/** Sockets and timers that keep a process alive; those of the runner itself are the same before and after. */
function openResources(): number {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Pipe|Timeout/.test(kind)).length;
}

/** The same, once what was closing has closed. */
async function fewestResources(looks = 20, enough = 0): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < looks && fewest > enough; look += 1) {
    await sleep(10);
    fewest = Math.min(fewest, openResources());
  }
  return fewest;
}

function opened(module: AdapterModule, device: DeviceMapping, context: RecordingContext): Adapter {
  const adapter = module.create(device, context);
  onTestFinished(() => adapter.close());
  return adapter;
}

async function settlesSoon(work: Promise<unknown>): Promise<void> {
  const late = Symbol("late");
  const { promise, resolve } = Promise.withResolvers<typeof late>();
  const timer = setTimeout(() => resolve(late), 1_000);
  const settled = work.then(
    () => undefined,
    () => undefined,
  );
  expect(await Promise.race([settled, promise]), "settled within a second").toBeUndefined();
  clearTimeout(timer);
}

/** Keeps the device connected as a gateway would, until the test ends; every loss must be a GatewayError. */
async function running(
  module: AdapterModule,
  device: DeviceMapping,
  context: RecordingContext,
): Promise<void> {
  const stop = new AbortController();
  const ended = keepConnected(module, device, context, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  await expect.poll(() => context.batches.length).toBeGreaterThan(0);
}

async function keepConnected(
  module: AdapterModule,
  device: DeviceMapping,
  context: RecordingContext,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const adapter = module.create(device, context);
    try {
      await adapter.connect(signal);
      await adapter.run(signal);
    } catch (caught) {
      if (!signal.aborted) expect(caught).toBeInstanceOf(GatewayError);
    } finally {
      await adapter.close();
    }
    await context.clock.sleep(50, signal).catch(() => undefined);
  }
}
