import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { runGateway } from "../gateway-process.ts";
import { subscribeEarly } from "../nats-client.ts";
import { round } from "../statistics.ts";

const alerts = 1_000;
const tagsEach = 5;
/** Raised at once. */
const atOnce = 500;
const storms = 40;
const warmUp = 10;
const answeredWithinMs = 20_000;

/** 1,000 alerts, each on five of 5,000 tags that come in one MQTT message. */
function makeSite(): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  mkdirSync(join(dir, "devices"));
  const tags = Array.from(
    { length: alerts * tagsEach },
    (_, tag) => `  t${tag}: { address: storm, pointer: /v/${tag}, type: int }`,
  );
  const files = {
    "gateway.yaml": `gateway: bench-gw
site: bench/line1
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, store: ./data, maxBytes: 256MB } }
http: { listen: 127.0.0.1:0 }
`,
    "devices/plant.yaml": `device: plant
adapter: mqtt
connection: {}
tags:
${tags.join("\n")}
`,
    "alerts.yaml": `alerts:
${Array.from({ length: alerts }, (_, alert) => {
  const of = Array.from(
    { length: tagsEach },
    (__, tag) => `{ tag: plant/t${alert * tagsEach + tag}, above: 100 }`,
  );
  return `  a${alert}: { message: "too high", acknowledge: false, when: { any: [${of.join(", ")}] } }`;
}).join("\n")}
`,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  return dir;
}

/** Storms of 500 alerts at once: whether each is told, in which time, and what memory it takes. */
export async function alertStorm() {
  const dir = makeSite();
  try {
    await using gateway = await runGateway(dir);
    let told = 0;
    let wanted = { count: 0, reached: () => {} };
    await using _ = await subscribeEarly(gateway.nats, "alert.>", () => {
      told += 1;
      if (told === wanted.count) wanted.reached();
    });
    const plant = await connectAsync(gateway.mqtt);
    const message = (high: number) =>
      JSON.stringify({
        v: Array.from({ length: alerts * tagsEach }, (__, tag) => (tag < high * tagsEach ? 300 : 1)),
      });
    const [calm, storm] = [message(0), message(atOnce)];
    const publish = async (payload: string, expected: number) => {
      const reached = Promise.withResolvers<boolean>();
      wanted = { count: expected, reached: () => reached.resolve(true) };
      const since = performance.now();
      plant.publish("storm", payload);
      const all = await Promise.race([reached.promise, delay(answeredWithinMs, false)]);
      return { all, ms: performance.now() - since };
    };
    // All values once, so that every alert is known to be quiet.
    plant.publish("storm", calm);
    await delay(2_000);
    const times: number[] = [];
    let before = 0;
    for (let index = 0; index < storms; index += 1) {
      const raised = await publish(storm, index * 2 * atOnce + atOnce);
      await publish(calm, (index + 1) * 2 * atOnce);
      times.push(raised.ms);
      if (index + 1 === warmUp) before = gateway.rssMb().gateway;
    }
    const expected = storms * 2 * atOnce;
    await plant.endAsync(true);
    return {
      alertStorm: {
        alerts,
        tags: alerts * tagsEach,
        atOnce,
        events: expected,
        lost: expected - told,
        msUntilAllTold: { first: round(times[0] ?? 0, 0), worstAfter: round(Math.max(...times.slice(1)), 0) },
        rssMb: { afterTenStorms: round(before, 1), afterAll: round(gateway.rssMb().gateway, 1) },
      },
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
