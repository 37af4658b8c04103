import { jetstream } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../adapter-kit/clock.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import { dial, type LinkTarget } from "../nats/dial.ts";
import { externalTarget } from "../nats/external-target.ts";
import { stateOf, readingOf, type ReadingSink } from "./published.ts";
import { readAuthority } from "./read-authority.ts";

export interface NatsLogin {
  /** Such as `nats://127.0.0.1:4222`; `tls://…` insists on TLS. */
  readonly url: string;
  readonly user?: string | undefined;
  /** The secret itself. */
  readonly password?: string | undefined;
  /** A PEM file with the authority of the server's certificate. */
  readonly ca?: string | undefined;
}

const dialWithinMs = 3_000;
const pauseMs = 500;
const name = "linegate-monitor";

/**
 * What a running gateway publishes, over NATS: the last readings from the stream LATEST, then every one. States are told there
 * when they change only; until then a device's readings say whether it is online.
 */
export class NatsReadings implements AsyncDisposable {
  readonly #sink: ReadingSink;
  readonly #target: LinkTarget;
  readonly #stop = new AbortController();
  /** The sequence of each subject's last reading: what the snapshot has of it is older. */
  readonly #sequences = new Map<string, number>();
  readonly #states = new Map<string, string>();
  readonly #following: Promise<void>;

  private constructor(sink: ReadingSink, target: LinkTarget, connection: NatsConnection) {
    this.#sink = sink;
    this.#target = target;
    this.#following = this.#follow(connection);
  }

  /** Rejects with UPLINK_UNAVAILABLE where no nats-server answers, or it takes nobody of that name. */
  static async start(login: NatsLogin, sink: ReadingSink): Promise<NatsReadings> {
    const { url, user, password, ca } = login;
    // The authority is read there again; here it is told by the option's name where it is not to be had.
    if (ca !== undefined) await readAuthority(ca);
    const target = await externalTarget(url, { user, ca, credentials: undefined }, password, ".");
    try {
      const connection = await dial(target, name, dialWithinMs, new AbortController().signal);
      return new NatsReadings(sink, target, connection);
    } catch (cause) {
      const { message } = toGatewayError(cause);
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `${message}. Start the gateway with \`linegate run DIR\`, or name its nats-server with --broker nats://HOST:PORT, the user with --user and --password, and the authority of its certificate with --ca.`,
        { cause },
      );
    }
  }

  /** Leaves no socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  /** Stays with the server; one that went away is looked for until it is back. */
  async #follow(first: NatsConnection): Promise<void> {
    const { signal } = this.#stop;
    for (let connection: NatsConnection | undefined = first; !signal.aborted;) {
      if (connection !== undefined) await this.#listen(connection);
      await systemClock.sleep(pauseMs, signal).catch(() => undefined);
      connection = await dial(this.#target, name, dialWithinMs, signal).catch(() => undefined);
      if (signal.aborted) await connection?.close();
    }
  }

  async #listen(connection: NatsConnection): Promise<void> {
    const { signal } = this.#stop;
    const close = () => void connection.close();
    signal.addEventListener("abort", close, { once: true });
    const place = this.#sink.site.replaceAll("/", ".");
    const take = (on: (message: Msg) => void) => ({
      callback: (error: Error | null, message: Msg) => {
        if (error === null) on(message);
        else this.#sink.log.warn({ error: error.message }, "nats-server does not let this user look");
      },
    });
    connection.subscribe(
      `data.${place}.>`,
      take((message) => this.#reading(message)),
    );
    connection.subscribe(
      `state.${place}.*`,
      take((message) => this.#state(message)),
    );
    await this.#snapshot(connection, `data.${place}.>`);
    await connection.closed();
    signal.removeEventListener("abort", close);
  }

  /** What every tag said last. Without the stream, or the right to read it, the next readings have to do. */
  async #snapshot(connection: NatsConnection, subjects: string): Promise<void> {
    try {
      const latest = await jetstream(connection, { timeout: dialWithinMs }).consumers.get("LATEST", {
        filter_subjects: subjects,
        deliver_policy: "last_per_subject",
      });
      const { num_pending: waiting } = await latest.info(true);
      if (waiting === 0) return;
      const messages = await latest.consume();
      let left = waiting;
      for await (const { subject, data } of messages) {
        this.#reading({ subject, data });
        left -= 1;
        if (left <= 0) break;
      }
      await messages.close();
    } catch (caught) {
      if (this.#stop.signal.aborted || connection.isClosed()) return;
      const { message } = toGatewayError(caught);
      this.#sink.log.warn(
        { error: message },
        "The last readings can't be had; the next ones are shown as they come",
      );
    }
  }

  #reading({ subject, data }: Pick<Msg, "subject" | "data">): void {
    const topic = subject.replaceAll(".", "/");
    const reading = readingOf(topic, data);
    if (reading === undefined || this.#sequences.get(subject) === reading.sequence) return;
    this.#sequences.set(subject, reading.sequence);
    this.#sink.onReading(reading);
    const [device = ""] = topic.slice(`data/${this.#sink.site}/`.length).split("/");
    if (this.#states.get(device) === "told") return;
    const isAway = reading.status === "DeviceOffline";
    if (!isAway && reading.quality === "bad") return;
    const state = isAway ? "offline" : "online";
    if (this.#states.get(device) === state) return;
    this.#states.set(device, state);
    const error = { code: "DEVICE_UNREACHABLE", message: "its readings say DeviceOffline" } as const;
    this.#sink.onState(device, isAway ? { state: "offline", error } : { state: "online" });
  }

  #state({ subject, data }: Msg): void {
    const state = stateOf(data);
    const device = subject.split(".").at(-1) ?? "";
    if (state === undefined) return;
    this.#states.set(device, "told");
    this.#sink.onState(device, state);
  }
}
