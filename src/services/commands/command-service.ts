import type { Clock } from "../../adapter-kit/clock.ts";
import type { DeviceEvent } from "../../adapter-kit/device-event.ts";
import { plainJson } from "../../adapter-kit/json-document.ts";
import type { BrokerMessage, LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { formatDuration, type Duration } from "../../domain/duration.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { encodeTagValue, type TagValue } from "../../domain/reading.ts";
import { TagPath, topicOfSubject } from "../../domain/tag-path.ts";
import { ServiceEndpoint, type ServiceOptions } from "../../nats/service-endpoint.ts";
import type { StateStore } from "../../store/state-store.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { CommandPort, WriteOrder, WriteOutcome } from "./command-port.ts";
import { Confirmations } from "./confirmations.ts";
import { GuardedWriter, type WritableDevice } from "./guarded-writer.ts";
import { Heartbeats } from "./heartbeats.ts";
import { reasonOf } from "./refusal.ts";
import { auditFields, type Asked, type Attempt, type Origin } from "./write-attempt.ts";
import { claimOf, encodeWriteReply, parseObject, requestOf, type WriteReply } from "./write-request.ts";

export interface CommandServiceOptions {
  readonly gateway: string;
  readonly site: string;
  /** Every write is answered within this time. */
  readonly deadline: Duration;
  /** For how long the second request of a two-step confirm is waited for. */
  readonly confirmWithin: Duration;
  readonly clock: Clock;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  /** Not to be guessed: what a confirmation is known by. */
  readonly newToken: () => string;
  readonly log: Log;
  readonly broker: Pick<LocalBroker, "subscribe" | "publish">;
  readonly link: ServiceOptions["link"];
  /** A connection of its own over which commands of the hub come; undefined: none, or over `link` with all others. */
  readonly hub?: ServiceOptions["link"] | undefined;
  readonly audit: AuditRecorder;
  readonly store: StateStore;
  find(device: string): WritableDevice | undefined;
  /** The user that an MQTT client logged in as. */
  userOf(clientId: string): string | undefined;
  /** Publishes an event of a device. */
  onEvent(device: string, event: DeviceEvent): void;
}

const replySuffix = "/reply";

/**
 * The way back: takes writes from NATS requests, MQTT `cmd` topics and the gateway's own services, guards them, writes
 * ahead of all polls, reads back, replies within the deadline, and leaves a line in the log and in the audit. Design §3.
 */
export class CommandService implements CommandPort {
  readonly counters = { writes: 0, refused: 0, failed: 0 };
  /** How often writes were not done, by outcome and reason: `refused range`. */
  readonly reasons = new Map<string, number>();
  readonly #options: CommandServiceOptions;
  readonly #prefix: TagPath;
  readonly #heartbeats: Heartbeats;
  readonly #writer: GuardedWriter;
  readonly #endpoint: ServiceEndpoint;
  #stop: (() => void)[] = [];

  constructor(options: CommandServiceOptions) {
    const { gateway, site, deadline, confirmWithin, clock, random, newToken, log, store, link } = options;
    this.#options = options;
    this.#prefix = new TagPath("cmd", site);
    this.#heartbeats = new Heartbeats({
      clock,
      random,
      log,
      store,
      heartbeatOf: (tag) => this.#heartbeatOf(tag),
      writeFailSafe: (tag, value, why, isDue) => this.#writeFailSafe(tag, value, why, isDue),
      onLost: (tag, { within, failSafe }, writer) =>
        this.#tell(tag, "heartbeat-lost", { writer, within: formatDuration(within), failSafe }),
    });
    this.#writer = new GuardedWriter({
      deadline,
      confirmWithin,
      clock,
      find: (device) => options.find(device),
      confirmations: new Confirmations(confirmWithin, newToken),
      heartbeats: this.#heartbeats,
    });
    const write = {
      name: "write",
      subject: `${this.#prefix.subject}.>`,
      // A device is one gateway's: every gateway must hear of every write below its site.
      queueGroup: null,
      handle: (request: Uint8Array, subject: string) => this.#onNats(request, subject),
    };
    this.#endpoint = new ServiceEndpoint({
      name: "commands",
      version: "1.0.0",
      description: "Guarded writes to the tags of this site",
      metadata: { gateway, site },
      endpoints: [write],
      link,
      clock,
      random,
    });
  }

  /** Tags whose writer is watched over now. */
  get heartbeats(): number {
    return this.#heartbeats.armed;
  }

  start(): void {
    const { broker, hub } = this.#options;
    this.#heartbeats.start();
    this.#endpoint.start();
    this.#stop = [
      () => this.#endpoint.stop(),
      hub?.subscribe(`${this.#prefix.subject}.>`, (message) => {
        void this.#onNats(message.data, message.subject).then((reply) => message.respond(reply));
      }) ?? (() => undefined),
      broker.subscribe(`${this.#prefix.topic}/#`, (message) => void this.#onMqtt(message)),
      () => this.#heartbeats.stop(),
    ];
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  async write(order: WriteOrder): Promise<WriteOutcome> {
    const { tag, value, by, claimed, why, expiresInMs } = order;
    const notAfter = expiresInMs === undefined ? undefined : this.#options.clock.monotonic() + expiresInMs;
    const who: Pick<Attempt, "origin" | "claimedBy"> =
      claimed === true ? { origin: { via: "service" }, claimedBy: by } : { origin: { via: "service", by } };
    const attempt: Attempt = { name: tag, ...who, why, stage: "not sent" };
    return outcomeOf(await this.#settle(attempt, () => ({ value, notAfter })));
  }

  async #writeFailSafe(tag: string, value: TagValue, why: string, isDue: () => boolean): Promise<boolean> {
    const origin: Origin = { via: "gateway", by: "gateway:heartbeat" };
    const attempt: Attempt = { name: tag, origin, why, stage: "not sent" };
    const { ok } = await this.#settle(attempt, () => ({ value, failSafe: { isDue } }));
    return ok;
  }

  async #onNats(request: Uint8Array, subject: string): Promise<string> {
    // A consumer of a stream may be told to deliver to a command's subject: what it delivers keeps its own, and is no request.
    if (!subject.startsWith(`${this.#prefix.subject}.`)) {
      return encodeWriteReply({
        ok: false,
        code: "WRITE_REFUSED",
        reason: "request",
        message: "This is no command.",
        tookMs: 0,
      });
    }
    return encodeWriteReply(await this.#answer(topicOfSubject(subject), request, { via: "nats" }));
  }

  async #onMqtt(message: BrokerMessage): Promise<void> {
    const { topic, payload, retain, clientId: client } = message;
    // Replies come by here too; a retained command would fire again at every start.
    if (topic.endsWith(replySuffix) || retain) return;
    const user = client === undefined ? undefined : this.#options.userOf(client);
    const reply = await this.#answer(topic, payload, { via: "mqtt", client, user });
    this.#options.broker.publish(`${topic}${replySuffix}`, encodeWriteReply(reply), { qos: 1 });
  }

  async #answer(topic: string, payload: Uint8Array, origin: Origin): Promise<WriteReply> {
    const name = topic.slice(this.#prefix.topic.length + 1);
    const attempt: Attempt = { name, origin, stage: "not sent" };
    return this.#settle(attempt, () => {
      const fields = parseObject(payload);
      attempt.id = plainJson(fields["id"]);
      const { by, why } = claimOf(fields);
      attempt.claimedBy = by;
      attempt.why = why;
      const { value, dryRun, confirm, expiresInMs, notAfter } = requestOf(fields);
      const { clock } = this.#options;
      const left = Math.min(
        expiresInMs ?? Infinity,
        notAfter === undefined ? Infinity : notAfter - clock.now(),
      );
      return { value, dryRun, confirm, notAfter: clock.monotonic() + left };
    });
  }

  /** Never rejects: whatever happens is a reply, and leaves its trace. */
  async #settle(attempt: Attempt, ask: () => Asked): Promise<WriteReply> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    const tookMs = () => Math.round((clock.monotonic() - began) * 10) / 10;
    try {
      const readBack = await this.#writer.write(attempt, ask());
      const dryRun = attempt.dryRun === true ? true : undefined;
      if (dryRun === undefined) this.counters.writes += 1;
      const reply: WriteReply = { ok: true, readBack, dryRun, id: attempt.id, tookMs: tookMs() };
      await this.#record(attempt, reply);
      return reply;
    } catch (caught) {
      const error = toGatewayError(caught);
      const { code, message, context } = error;
      const outcome = code === "WRITE_REFUSED" ? "refused" : "failed";
      const reason = reasonOf(error);
      this.counters[outcome] += 1;
      const counted = `${outcome} ${reason}`;
      this.reasons.set(counted, (this.reasons.get(counted) ?? 0) + 1);
      const confirm = typeof context["confirm"] === "string" ? context["confirm"] : undefined;
      const { readBack, id } = attempt;
      const reply: WriteReply = {
        ok: false,
        code,
        reason,
        message,
        readBack,
        confirm,
        id,
        tookMs: tookMs(),
      };
      await this.#record(attempt, reply);
      if (attempt.stage !== "not sent" && attempt.onFailure !== "none") this.#tellUnconfirmed(attempt, reply);
      return reply;
    }
  }

  /** Every attempt leaves its trace, whoever made it and however it ended; the answer waits for it. */
  async #record(attempt: Attempt, reply: WriteReply): Promise<void> {
    const fields = auditFields(attempt, reply);
    const done = attempt.dryRun === true ? "tried without writing" : "written";
    const notDone = attempt.stage === "not sent" ? "not written" : "write not confirmed";
    this.#options.log.info(fields, reply.ok ? done : notDone);
    await this.#options.audit.record("write", fields);
  }

  #tellUnconfirmed({ name, value, readBack }: Attempt, reply: WriteReply): void {
    const { code, message } = reply.ok ? { code: "", message: "" } : reply;
    this.#tell(name, "write-unconfirmed", {
      value: value === undefined ? null : JSON.parse(encodeTagValue(value)),
      readBack: readBack === undefined ? null : JSON.parse(encodeTagValue(readBack)),
      code,
      message,
    });
  }

  #tell(tag: string, name: string, data: DeviceEvent["data"]): void {
    this.#options.onEvent(tag.slice(0, tag.indexOf("/")), { name, data: { tag, ...data } });
  }

  #heartbeatOf(name: string): ReturnType<ConstructorParameters<typeof Heartbeats>[0]["heartbeatOf"]> {
    const slash = name.indexOf("/");
    const device = this.#options.find(name.slice(0, slash));
    return device === undefined
      ? "absent"
      : device.normaliser.tag(name.slice(slash + 1))?.mapping.write?.heartbeat;
  }
}

function outcomeOf(reply: WriteReply): WriteOutcome {
  const { tookMs } = reply;
  if (!reply.ok) {
    const { code, reason, message } = reply;
    return { ok: false, code, reason, message, tookMs };
  }
  return { ok: true, ...(reply.readBack === undefined ? {} : { readBack: reply.readBack }), tookMs };
}
