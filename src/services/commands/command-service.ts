import type { Clock } from "../../adapter-kit/clock.ts";
import type { BrokerMessage, LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { formatDuration, type Duration } from "../../domain/duration.ts";
import { GatewayError, toGatewayError } from "../../domain/errors.ts";
import { encodeTagValue, type Sample, type TagValue } from "../../domain/reading.ts";
import { TagPath, topicOfSubject } from "../../domain/tag-path.ts";
import type { Normaliser } from "../../normalise/normaliser.ts";
import type { TagState } from "../../normalise/tag-state.ts";
import type { Supervisor } from "../../supervisor/supervisor.ts";
import type { CommandPort, WriteOrder, WriteOutcome } from "./command-port.ts";
import { guardWrite, isSameRaw } from "./guard.ts";
import { encodeWriteReply, parseObject, valueOf, type WriteReply } from "./write-request.ts";

/** A running device, as far as writing to it goes. */
export interface WritableDevice {
  readonly supervisor: Pick<Supervisor, "write" | "read">;
  readonly normaliser: Normaliser;
}

/** What the service needs of the connection to NATS. */
export interface CommandLink {
  subscribe(subject: string, onMessage: (message: CommandMessage) => void): () => void;
  publish(subject: string, payload: Uint8Array): boolean;
}

interface CommandMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  respond(payload: Uint8Array): void;
}

export interface CommandServiceOptions {
  readonly gateway: string;
  readonly site: string;
  /** Every write is answered within this time. */
  readonly deadline: Duration;
  readonly clock: Clock;
  readonly log: Log;
  readonly broker: LocalBroker;
  readonly link: CommandLink;
  find(device: string): WritableDevice | undefined;
}

/** More writes than this at once are refused: a device answers tens a second, so they would only grow old. */
const mostAtOnce = 256;
const replySuffix = "/reply";

/** Where a write came from, for the audit. */
interface Origin {
  readonly via: "nats" | "mqtt" | "service";
  /** The MQTT client's id. */
  readonly client?: string | undefined;
  /** Which service of the gateway's own, such as `service:scheduling`, and what made it write. */
  readonly by?: string | undefined;
  readonly why?: string | undefined;
}

/** What is to be written, once the request was understood. */
interface Asked {
  readonly value: TagValue;
  /** On the monotonic clock, in ms: not sent after that. */
  readonly notAfter?: number | undefined;
}

/**
 * The way back: takes writes from NATS requests and MQTT `cmd` topics, guards them, writes ahead of all polls, reads back,
 * replies within the deadline, and leaves a line in the log and on `audit.<gateway>.write`. Design §3.
 */
export class CommandService implements CommandPort {
  readonly counters = { writes: 0, refused: 0, failed: 0 };
  readonly #options: CommandServiceOptions;
  readonly #prefix: TagPath;
  /** The end of the last write to each device, where one is under way. */
  readonly #turns = new WeakMap<WritableDevice, Promise<void>>();
  #atOnce = 0;
  #stop: (() => void)[] = [];

  constructor(options: CommandServiceOptions) {
    this.#options = options;
    this.#prefix = new TagPath("cmd", options.site);
  }

  start(): void {
    const { broker, link } = this.#options;
    this.#stop = [
      link.subscribe(`${this.#prefix.subject}.>`, (message) => void this.#onNats(message)),
      broker.subscribe(`${this.#prefix.topic}/#`, (message) => void this.#onMqtt(message)),
    ];
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  async write(order: WriteOrder): Promise<WriteOutcome> {
    const { tag, value, by, why, expiresInMs } = order;
    const notAfter = expiresInMs === undefined ? undefined : this.#options.clock.monotonic() + expiresInMs;
    const attempt: Attempt = { name: tag, origin: { via: "service", by, why }, stage: "not sent" };
    return outcomeOf(await this.#settle(attempt, () => ({ value, notAfter })));
  }

  async #onNats(message: CommandMessage): Promise<void> {
    const reply = await this.#answer(topicOfSubject(message.subject), message.data, { via: "nats" });
    message.respond(Buffer.from(encodeWriteReply(reply)));
  }

  async #onMqtt(message: BrokerMessage): Promise<void> {
    // Replies come by here too; a retained command would fire again at every start.
    if (message.topic.endsWith(replySuffix) || message.retain) return;
    const reply = await this.#answer(message.topic, message.payload, {
      via: "mqtt",
      client: message.clientId,
    });
    this.#options.broker.publish(`${message.topic}${replySuffix}`, encodeWriteReply(reply), { qos: 1 });
  }

  async #answer(topic: string, payload: Uint8Array, origin: Origin): Promise<WriteReply> {
    const name = topic.slice(this.#prefix.topic.length + 1);
    const attempt: Attempt = { name, origin, stage: "not sent" };
    return this.#settle(attempt, () => {
      const request = parseObject(payload);
      attempt.id = request["id"];
      return { value: valueOf(request) };
    });
  }

  /** Never rejects: whatever happens is a reply. */
  async #settle(attempt: Attempt, ask: () => Asked): Promise<WriteReply> {
    const began = this.#options.clock.monotonic();
    let reply: WriteReply;
    try {
      const readBack = await this.#write(attempt, ask());
      this.counters.writes += 1;
      reply = { ok: true, readBack, id: attempt.id, tookMs: this.#tookMs(began) };
    } catch (caught) {
      const error = toGatewayError(caught);
      if (error.code === "WRITE_REFUSED") this.counters.refused += 1;
      else this.counters.failed += 1;
      const { code, message } = error;
      const readBack = attempt.readBack;
      reply = { ok: false, code, message, readBack, id: attempt.id, tookMs: this.#tookMs(began) };
    }
    this.#record(attempt, reply);
    return reply;
  }

  #tookMs(began: number): number {
    return Math.round((this.#options.clock.monotonic() - began) * 10) / 10;
  }

  /** Guard → write → read back; resolves with the value read back, undefined where the device can't be read. */
  async #write(attempt: Attempt, asked: Asked): Promise<TagValue | null | undefined> {
    const { value } = asked;
    attempt.value = value;
    const { device, tag } = this.#find(attempt.name);
    attempt.before = tag.published?.value;
    const raw = guardWrite(value, tag.mapping, attempt.name);
    if (this.#atOnce >= mostAtOnce) {
      throw new GatewayError("WRITE_REFUSED", `${attempt.name}: ${mostAtOnce} writes are under way already.`);
    }
    this.#atOnce += 1;
    const { deadline } = this.#options;
    const signal = AbortSignal.timeout(deadline);
    try {
      const work = this.#inTurn(device, signal, () => {
        this.#checkExpiry(attempt, asked);
        return this.#writeAndRead(attempt, device, tag, raw, signal);
      });
      const samples = await untilDeadline(work, signal);
      if (samples === undefined) return undefined;
      return this.#confirm(attempt, tag, raw, samples[0]);
    } catch (caught) {
      if (!signal.aborted) throw caught;
      throw new GatewayError(
        "DEVICE_TIMEOUT",
        `${attempt.name}: not confirmed within ${formatDuration(deadline)}. ${mayBeWritten(attempt)}`,
        { cause: caught },
      );
    } finally {
      this.#atOnce -= 1;
    }
  }

  /** At the last moment before the write: what waited behind others grows old too. */
  #checkExpiry({ name }: Attempt, { notAfter }: Asked): void {
    if (notAfter === undefined || this.#options.clock.monotonic() <= notAfter) return;
    throw new GatewayError("WRITE_REFUSED", `${name}: the order had expired. Nothing was written.`);
  }

  /** One write and its read back at a time for each device: else the value of a later write would be read back. */
  async #inTurn<T>(device: WritableDevice, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(device) ?? Promise.resolve();
    const mine = before.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#turns.set(
      device,
      mine.then(
        () => undefined,
        () => undefined,
      ),
    );
    return mine;
  }

  async #writeAndRead(
    attempt: Attempt,
    device: WritableDevice,
    tag: TagState,
    raw: TagValue,
    signal: AbortSignal,
  ): Promise<readonly Sample[] | undefined> {
    attempt.stage = "sent";
    try {
      await device.supervisor.write([{ tag: tag.name, value: raw }], signal);
    } catch (caught) {
      const error = toGatewayError(caught);
      const settled = error.code === "DEVICE_REJECTED" || error.code === "WRITE_REFUSED";
      if (settled || error.context["sent"] === false) attempt.stage = "not sent";
      throw new GatewayError(error.code, `${attempt.name}: ${error.message} ${mayBeWritten(attempt)}`, {
        cause: error,
      });
    }
    attempt.stage = "written";
    try {
      return await device.supervisor.read([tag.name], signal);
    } catch (caught) {
      const error = toGatewayError(caught);
      throw new GatewayError(error.code, `${attempt.name}: ${mayBeWritten(attempt)} ${error.message}`, {
        cause: error,
      });
    }
  }

  #confirm(attempt: Attempt, tag: TagState, raw: TagValue, sample: Sample | undefined): TagValue | null {
    const held = sample === undefined || sample.quality === "bad" ? null : sample.value;
    attempt.readBack = held === null ? null : tag.scale(held);
    if (held !== null && tag.mapping.write?.answers === true) return attempt.readBack;
    if (isSameRaw(raw, held, tag.mapping)) return attempt.readBack;
    const found =
      held === null
        ? `could not be read back (${sample?.status ?? "no answer"})`
        : `holds ${encodeTagValue(attempt.readBack ?? null)}`;
    throw new GatewayError("DEVICE_REJECTED", `${attempt.name}: after the write the device ${found}.`);
  }

  #find(name: string): { device: WritableDevice; tag: TagState } {
    const slash = name.indexOf("/");
    const deviceName = slash < 0 ? name : name.slice(0, slash);
    const device = this.#options.find(deviceName);
    if (device === undefined)
      throw new GatewayError(
        "WRITE_REFUSED",
        `There is no device ${JSON.stringify(deviceName)} at this gateway.`,
      );
    const tag = slash < 0 ? undefined : device.normaliser.tag(name.slice(slash + 1));
    if (tag === undefined)
      throw new GatewayError(
        "WRITE_REFUSED",
        `${deviceName} has no tag ${JSON.stringify(name.slice(deviceName.length + 1))}.`,
      );
    return { device, tag };
  }

  /** Every attempt leaves its trace, whoever made it and however it ended. */
  #record(attempt: Attempt, reply: WriteReply): void {
    const { gateway, clock, log, link } = this.#options;
    const { name, origin, value, before, id } = attempt;
    const outcome = reply.ok ? { ok: true } : { ok: false, code: reply.code, message: reply.message };
    const fields = {
      tag: name,
      value: jsonValue(value),
      before: jsonValue(before),
      readBack: jsonValue(reply.readBack),
      ...origin,
      id,
      tookMs: reply.tookMs,
      ...outcome,
    };
    log.info(
      fields,
      reply.ok ? "written" : attempt.stage === "not sent" ? "not written" : "write not confirmed",
    );
    const entry = JSON.stringify({ ...fields, timestamp: clock.now() });
    link.publish(`audit.${gateway}.write`, Buffer.from(entry));
  }
}

interface Attempt {
  readonly name: string;
  readonly origin: Origin;
  /** How far it got, for the words of the reply and the log. */
  stage: "not sent" | "sent" | "written";
  id?: unknown;
  value?: TagValue;
  before?: TagValue | null | undefined;
  readBack?: TagValue | null | undefined;
}

function outcomeOf(reply: WriteReply): WriteOutcome {
  const { tookMs } = reply;
  if (!reply.ok) return { ok: false, code: reply.code, message: reply.message, tookMs };
  return { ok: true, ...(reply.readBack === undefined ? {} : { readBack: reply.readBack }), tookMs };
}

/** What an operator must know of a write that failed. */
function mayBeWritten({ stage }: Attempt): string {
  switch (stage) {
    case "not sent":
      return "Nothing was written.";
    case "sent":
      return "The value may have been written all the same.";
    case "written":
      return "The value was written, but not read back.";
  }
}

function jsonValue(value: TagValue | null | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(encodeTagValue(value));
}

/** The adapter settles within a second of an abort; the reply does not wait for that. */
async function untilDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  const deadline = Promise.withResolvers<never>();
  const onAbort = () => deadline.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, deadline.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
