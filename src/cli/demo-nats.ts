import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { TagMapping } from "../adapter-kit/mapping.ts";
import type { Site } from "../config/site.ts";

/** A tag that the demo writes to, and values for it. */
interface Setpoint {
  /** `press-1/motor/setpoint` */
  readonly name: string;
  readonly subject: string;
  readonly topic: string;
  readonly unit: string;
  /** Written one after the other, in the tag's unit. */
  readonly values: readonly number[];
  /** Another one, for the reader to try: the demo knows by it that somebody else has taken over. */
  readonly example: number;
}

const replyWithinMs = 3_000;

/** The first number of the site that may be written within limits: what the demo shows writes with. */
export function findSetpoint({ gateway, devices }: Pick<Site, "gateway" | "devices">): Setpoint | undefined {
  for (const { device, tags } of devices) {
    for (const tag of tags) {
      const [example, ...values] = valuesFor(tag);
      if (example === undefined) continue;
      const topic = `cmd/${gateway.site}/${device}/${tag.name}`;
      return {
        name: `${device}/${tag.name}`,
        topic,
        subject: topic.replaceAll("/", "."),
        unit: tag.unit ?? "",
        values,
        example,
      };
    }
  }
  return undefined;
}

/** Values well inside of the limits, the first one for the reader; none for a tag that is no number with both limits. */
function valuesFor({ write, value, scale }: TagMapping): readonly number[] {
  if (write?.min === undefined || write.max === undefined) return [];
  if (value.kind !== "integer" && value.kind !== "float") return [];
  const { min, max } = write;
  const step = value.kind === "integer" ? scale : 0;
  return [0.5, 0.9, 0.7, 0.8].map((share) => {
    const wanted = min + (max - min) * share;
    return step === 0
      ? Number(wanted.toPrecision(6))
      : Number((Math.round(wanted / step) * step).toPrecision(12));
  });
}

/** A line service such as anybody could write: its own connection to NATS, which counts what arrives, and writes. */
export class DemoSubscriber {
  messages = 0;
  /** Writes that were answered with ok. */
  writes = 0;
  readonly #connection: NatsConnection;
  #next = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe("data.>", { callback: (error) => void (error === null && (this.messages += 1)) });
  }

  /** Resolves when the server is there and the subscription is known to it. */
  static async connect(url: string): Promise<DemoSubscriber> {
    const connection = await connect({
      servers: url,
      name: "linegate-demo",
      maxReconnectAttempts: -1,
      waitOnFirstConnect: true,
      reconnectTimeWait: 500,
      noAsyncTraces: true,
    });
    const subscriber = new DemoSubscriber(connection);
    await connection.flush();
    return subscriber;
  }

  /** Writes the next value by a NATS request; resolves with what came of it, in words. */
  async write({ name, subject, unit, values }: Setpoint): Promise<string> {
    const value = values[this.#next % values.length] ?? 0;
    this.#next += 1;
    const what = `wrote ${value}${unit === "" ? "" : ` ${unit}`} to ${name} by NATS request`;
    try {
      const message = await this.#connection.request(subject, JSON.stringify({ value }), {
        timeout: replyWithinMs,
      });
      const reply = message.json<{ ok: boolean; readBack?: unknown; tookMs?: number; message?: string }>();
      if (!reply.ok) return `${what}: ${reply.message ?? "refused"}`;
      this.writes += 1;
      return `${what}: read back ${String(reply.readBack)} after ${reply.tookMs} ms`;
    } catch (caught) {
      return `${what}: no answer (${caught instanceof Error ? caught.message : String(caught)})`;
    }
  }

  /** For requests of others. */
  get connection(): Pick<NatsConnection, "request"> {
    return this.#connection;
  }

  /** What was sent before is counted when this resolves. */
  async flush(): Promise<void> {
    await this.#connection.flush().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
