import { cpSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { unpackBatch } from "../../src/services/upload/pack.ts";
import { hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { applyFleet, patience } from "../fixture/hub-edge.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { runGateway, type RunningGateway } from "../fixture/running-gateway.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const ways = {
  leaf: {
    gateway: "line1-gw",
    place: "line1",
    password: hubPasswords.LINE1_GW_PASSWORD,
    hub: ({ line }: HubServer) => `leaf: "nats-leaf://127.0.0.1:${line.port}"`,
    fleet: "gateways: [line1-gw]\n",
  },
  forwarder: {
    gateway: "line3-gw",
    place: "line3",
    password: hubPasswords.LINE3_GW_PASSWORD,
    hub: ({ clientLine }: HubServer) => `url: "nats://127.0.0.1:${clientLine.port}"`,
    fleet: "gateways: []\nforwarders: [{ gateway: line3-gw, site: plant1/stamping/line3 }]\n",
  },
};

function siteOf(way: keyof typeof ways, server: HubServer): SiteFolder {
  const { gateway, place, password, hub } = ways[way];
  return new SiteFolder({
    "gateway.yaml": `
gateway: ${gateway}
site: plant1/stamping/${place}
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { ${hub(server)}, user: ${gateway}, password: "file:hub-password" }
upload: { batch: { maxAge: 1s }, tags: {} }
`,
    "hub-password": password,
    "devices/till.yaml": `
device: till
adapter: mqtt
connection: {}
tags:
  sale: { address: x/sale, type: json, durable: { id: /id }, upload: none }
  count: { address: x/count, payload: number, type: int, upload: raw }
`,
  });
}

/** What was acknowledged to the devices, and what of it the hub has. */
class Books {
  readonly sales: string[] = [];
  readonly counts: number[] = [];
  readonly #fleet: NatsConnection;

  constructor(fleet: NatsConnection) {
    this.#fleet = fleet;
  }

  async sell({ gateway }: RunningGateway, count: number): Promise<void> {
    const till = await mqttClient(gateway.addresses.broker.mqtt);
    for (let n = 0; n < count; n += 1) {
      const next = this.sales.length + 1;
      await till.publish("x/sale", JSON.stringify({ id: `s${next}` }));
      await till.publish("x/count", String(next));
      this.sales.push(`s${next}`);
      this.counts.push(next);
    }
  }

  /** What is not there, and how much is there twice. */
  async missing() {
    const events = (await this.#all("EVENTS")).filter(({ subject }) => subject.endsWith("sale"));
    const sales = events.map(({ data }) => (JSON.parse(data.toString()) as { data: { id: string } }).data.id);
    const series = (await this.#all("BATCHES")).flatMap(({ data }) => unpackBatch(data).series);
    const counts = series
      .filter(({ tag }) => tag === "till/count")
      .flatMap(({ columns }) => columns[0]?.values.filter((value) => value !== null) ?? [])
      .map(Number);
    return {
      sales: this.sales.filter((one) => !sales.includes(one)),
      counts: this.counts.filter((one) => !counts.includes(one)),
      twice: sales.length - new Set(sales).size + counts.length - new Set(counts).size,
    };
  }

  async #all(stream: string): Promise<{ readonly subject: string; readonly data: Buffer }[]> {
    const ask = async <R>(api: string, request: object) =>
      (await this.#fleet.request(`$JS.API.STREAM.${api}.${stream}`, JSON.stringify(request))).json<R>();
    const { state } = await ask<{ state: { last_seq: number } }>("INFO", {});
    const looks = Array.from({ length: state.last_seq }, (_, n) =>
      ask<{ message: { subject: string; data: string } }>("MSG.GET", { seq: n + 1 }),
    );
    return (await Promise.all(looks)).map(({ message: { subject, data } }) => ({
      subject,
      data: Buffer.from(data, "base64"),
    }));
  }
}

/** What becomes of the data folder while nobody runs on it. */
const mishaps = {
  "the folder is that of an earlier time": (data: string, copy: string) => {
    rmSync(data, { recursive: true });
    cpSync(copy, data, { recursive: true });
  },
  "the state is that of an earlier time": (data: string, copy: string) => {
    for (const file of globSync("linegate.db*", { cwd: data })) rmSync(join(data, file));
    for (const file of globSync("linegate.db*", { cwd: copy })) cpSync(join(copy, file), join(data, file));
  },
  "the disk is a new one": (data: string) => rmSync(data, { recursive: true }),
};

const cases = Object.keys(ways).flatMap((way) =>
  Object.keys(mishaps).map((mishap) => [way as keyof typeof ways, mishap as keyof typeof mishaps] as const),
);

test.each(cases)(
  "%s, %s: all that was acknowledged is at the hub, once",
  async (way, mishap) => {
    const hub = await HubServer.prepare("hub-1");
    await hub.start("hub.conf", [hub]);
    await applyFleet([hub], ways[way].fleet);
    const site = siteOf(way, hub);
    const copy = new SiteFolder({});
    const data = join(site.dir, "data");
    const books = new Books(await hubUser([hub], "fleet"));
    const missing = () => books.missing().catch(String);
    const complete = { sales: [], counts: [], twice: 0 };
    const first = await runGateway(site);
    await books.sell(first, 15);
    await expect.poll(missing, { ...patience, interval: 500 }).toEqual(complete);
    await first.gateway.stop();
    cpSync(data, join(copy.dir, "data"), { recursive: true });
    const second = await runGateway(site);
    await books.sell(second, 15);
    await expect.poll(missing, { ...patience, interval: 500 }).toEqual(complete);
    await second.gateway.stop();

    mishaps[mishap](data, join(copy.dir, "data"));
    const third = await runGateway(site);
    // More than the hub has of the time that is forgotten: its places are taken before it comes.
    await books.sell(third, 25);
    const told = () => third.log.filter(({ message }) => message.includes("run linegate hub apply again"));
    const opened = way === "leaf" && mishap !== "the state is that of an earlier time" ? 2 : 0;
    await expect.poll(() => told().length, patience).toBe(opened);
    await applyFleet([hub], ways[way].fleet);
    await expect.poll(missing, { ...patience, interval: 500 }).toEqual(complete);
    expect(told().length).toBe(opened);
  },
  300_000,
);
