import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ModbusSimulator } from "../simulators/modbus/server.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import type { MadeSite } from "./made-site.ts";
import { subscribeEarly } from "./nats-client.ts";
import { latency } from "./statistics.ts";

/**
 * A PLC whose one register counts its own reads: the value names the read it was given out by, so that a subscriber can
 * tell when that was. It is read 100 times a second.
 */
export class LiveProbe implements AsyncDisposable {
  readonly #readAt = new Map<number, number>();
  readonly #took: { readonly at: number; readonly ms: number }[] = [];
  readonly #ends: (() => PromiseLike<unknown>)[] = [];

  /** The simulated PLC, and its file in the site's folder. */
  static async prepare(site: MadeSite): Promise<LiveProbe> {
    const probe = new LiveProbe();
    let count = 0;
    const simulator = await ModbusSimulator.start({
      keepRequests: 1,
      delay: () => {
        probe.#readAt.set(count, performance.now());
        count += 1;
        simulator.unit().holding.put(0, "uint32", count);
        return 0;
      },
    });
    simulator.unit().holding.put(0, "uint32", 0);
    probe.#ends.push(() => simulator.refuse());
    const device = [
      "device: probe",
      "adapter: modbus",
      `connection: { transport: tcp, host: 127.0.0.1, port: ${simulator.port} }`,
      "poll: { fast: 10ms }",
      `tags: { count: { address: "holding:0", type: uint32, poll: fast, upload: none } }`,
    ];
    writeFileSync(join(site.dir, "devices", "probe.yaml"), `${device.join("\n")}\n`);
    return probe;
  }

  /** Timed from now on; resolves with the first reading. */
  async follow(gateway: GatewayProcess): Promise<void> {
    const client = await subscribeEarly(gateway.nats, "data.bench.line1.probe.count", (_subject, data) => {
      const now = performance.now();
      const { value } = JSON.parse(Buffer.from(data).toString()) as { value: number };
      const at = this.#readAt.get(value);
      this.#readAt.delete(value);
      if (at !== undefined) this.#took.push({ at: now, ms: now - at });
    });
    this.#ends.unshift(() => client[Symbol.asyncDispose]());
    await client.firstAt;
  }

  /** From the answer that carries the register to its receipt here, of what came since then, and before `until`. */
  took(from: number, until = Infinity) {
    return latency(this.#took.filter(({ at }) => at >= from && at < until).map(({ ms }) => ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One after the other: that is what this loop is for.
    for (const end of this.#ends.splice(0)) await end();
  }
}
