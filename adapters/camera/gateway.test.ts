import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { LineSimulator } from "../../simulators/line/line-simulator.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { Gateway } from "../../src/gateway.ts";
import { keptLog, noServerHere } from "../../src/nats/testing.ts";

const listen = { host: "127.0.0.1", port: 0 };

interface Inspected {
  readonly timestamp: number;
  readonly data: {
    readonly part: string;
    readonly result: string;
    readonly score: number;
    readonly image: ImageValue | null;
  };
}

interface ImageValue {
  readonly key: string;
  readonly sha256: string;
}

type Pictured = Inspected & { readonly data: { readonly image: ImageValue } };

/** The line of the factory, faster than it is, and the gateway on its inspection camera. */
async function factory() {
  const folder = mkdtempSync(join(tmpdir(), "linegate-camera-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const loaded = await loadSite(join(import.meta.dirname, "../../mappings/factory"));
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", "the factory site has mistakes");
  const line = new LineSimulator(loaded.site, { broker: "mqtt://127.0.0.1:9", ports: "free", speed: 8 });
  await line.start();
  onTestFinished(() => line.stop());
  const { site } = line.simulation;
  const { embedded } = site.gateway.nats;
  const gateway = new Gateway(
    {
      ...site,
      dir: folder,
      devices: site.devices.filter(({ adapter }) => adapter === "camera"),
      gateway: {
        ...site.gateway,
        broker: { ...site.gateway.broker, listen },
        http: { listen },
        nats: { ...site.gateway.nats, embedded: { ...embedded, listen, store: join(folder, "data") } },
      },
    },
    { log: keptLog(), clock: systemClock, random: Math.random, searchPath: process.env["PATH"] ?? "" },
  );
  onTestFinished(() => gateway.stop());
  await gateway.start();
  return gateway;
}

test("a part that the line finishes is one event on NATS, with an image that any client reads", async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const gateway = await factory();
  const nats = await connect({ servers: gateway.addresses.nats });
  onTestFinished(() => nats.close());
  const events: Inspected[] = [];
  nats.subscribe("event.>", { callback: (_, message) => void events.push(message.json()) });
  // A picture that came too late for its event is told without one.
  const pictured = () => events.find((event): event is Pictured => event.data.image !== null);
  await expect.poll(() => events.length > 2 && pictured() !== undefined).toBe(true);
  const parts = events.map(({ data }) => data.part);
  expect(new Set(parts).size).toBe(parts.length);
  const told = pictured();
  if (told === undefined) throw new GatewayError("INTERNAL", "no event with a picture");
  const { timestamp, data } = told;
  expect(data).toMatchObject({
    part: expect.stringMatching(/^P-\d{6}$/) as string,
    result: expect.stringMatching(/^N?OK$/) as string,
  });
  expect(Math.abs(timestamp - Date.now())).toBeLessThan(60_000);
  const objects = await new Objm(jetstream(nats)).open("images");
  const image = Buffer.from((await objects.getBlob(data.image.key)) ?? []);
  expect(createHash("sha256").update(image).digest("hex")).toBe(data.image.sha256);
  expect(image.subarray(1, 4).toString()).toBe("PNG");
});
