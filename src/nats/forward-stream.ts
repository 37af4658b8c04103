import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError, isAbort, toGatewayError } from "../domain/errors.ts";
import type { StreamName } from "../store/outbox-row.ts";
import { incarnationName } from "./durable-stream.ts";
import { findPlace } from "./forward-place.ts";
import { placeHeader, type Place, type TakenPlace } from "./hub-place.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { LocalMessage } from "./local-messages.ts";
import { LocalReader } from "./local-reader.ts";
import type { NatsLink } from "./link.ts";
import { readPubAck, type PubAck } from "./pub-ack.ts";

const requestWithinMs = 5_000;
const ackWithinMs = 10_000;
const retryMs = 1_000;
/** Where nobody says that there is more. */
const pollMs = 1_000;
/** Under way at once, where the hub keeps their order itself. */
const window = { messages: 256, bytes: 1_000_000 };
/** After a failure one at a time goes out until so many have arrived. */
const carefulFor = 256;

export interface ForwardStreamOptions {
  readonly stream: StreamName;
  /** The stream at the hub that is this gateway's alone. */
  readonly intake: string;
  readonly link: Pick<NatsLink, "request" | "requestMessage" | "state">;
  readonly hub: Pick<NatsLink, "request" | "publishKept" | "subscribe" | "state" | "counters" | "server">;
  /** Before the subjects that are forwarded, such as `batch.line3-gw.`: other gateways on the same server are none of it. */
  readonly prefixes: readonly string[];
  /** Where acks come to, before `.<stream>.<session>.<place>`. */
  readonly inbox: string;
  readonly incarnation: () => number;
  /** What was known before the start of what the hub has. */
  readonly known: () => TakenPlace | undefined;
  /** Whether the hub's server lets a message be bound to the one before, and its streams source it all the same. */
  readonly bindsOrder: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

interface Flying {
  readonly bytes: number;
  /** The intake's last place when it was sent, if all before it arrived. */
  readonly after: number;
}

/** Brings one local stream to the hub as a client: each message once and in order, from where the hub itself says it is. */
export class ForwardStream {
  readonly counters = { forwarded: 0, refused: 0, sessions: 0 };
  readonly #options: ForwardStreamOptions;
  readonly #local: JetStreamApi;
  readonly #reader: LocalReader;
  readonly #hub: JetStreamApi;
  readonly #flying = new Map<number, Flying>();
  #session = 0;
  #connection = 0;
  #careful = 0;
  #failure: GatewayError | undefined;
  #taken: TakenPlace | undefined;
  /** Of this session: the lowest place that was refused, and the highest that arrived. */
  #edges = { refused: Infinity, arrived: 0 };
  /** The intake's last place, once all that is under way has arrived. */
  #tail = 0;
  #problem: string | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(options: ForwardStreamOptions) {
    this.#options = options;
    const { link, hub } = options;
    this.#local = new JetStreamApi((subject, payload) => link.request(subject, payload, requestWithinMs));
    this.#reader = new LocalReader({ ...options, api: this.#local });
    this.#hub = new JetStreamApi((subject, payload) => hub.request(subject, payload, requestWithinMs));
  }

  /** Up to where the hub has it, by its acks; undefined before it was asked. */
  get taken(): TakenPlace | undefined {
    return this.#taken;
  }

  /** Why nothing is forwarded although the hub is there; undefined where it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The stream has more, or an ack came. */
  wake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { hub, link, stream, inbox, clock, log } = this.#options;
    const undo = hub.subscribe(`${inbox}.${stream}.*.*`, ({ subject, data }) =>
      this.#answered(subject, data),
    );
    while (!signal.aborted) {
      try {
        if (hub.state === "connected" && link.state === "connected") await this.#forward(signal);
      } catch (caught) {
        if (signal.aborted || isAbort(caught)) break;
        const problem = toGatewayError(caught).message;
        if (hub.state === "connected" && problem !== this.#problem)
          log.warn(
            { stream, error: problem },
            "The hub does not take this stream: it waits here, and is tried again",
          );
        this.#problem = problem;
        this.#careful = carefulFor;
      }
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
    undo();
  }

  /** Over one connection to the hub, until something goes wrong: then what the hub has is asked anew. */
  async #forward(signal: AbortSignal): Promise<void> {
    const { hub, clock } = this.#options;
    this.#connection = hub.counters.connects;
    this.#session += 1;
    this.counters.sessions += 1;
    this.#flying.clear();
    this.#failure = undefined;
    await this.#resume();
    this.#edges = { refused: Infinity, arrived: 0 };
    let heardAt = clock.monotonic();
    for (let next: LocalMessage | undefined; !signal.aborted;) {
      const woken = this.#wake.promise;
      this.#requireSound();
      next ??= await this.#reader.read(this.#flying.size === 0);
      if (this.#flying.size === 0 && next === undefined) this.#advance(this.#reader.place);
      const before = this.#flying.size;
      if (next !== undefined && this.#mayFly(next.payload.length)) {
        if (before === 0) heardAt = clock.monotonic();
        if (this.#send(next)) next = undefined;
        continue;
      }
      await this.#rest(woken, signal);
      if (this.#flying.size < before) heardAt = clock.monotonic();
      else if (before > 0 && clock.monotonic() - heardAt > ackWithinMs)
        throw new GatewayError("UPLINK_UNAVAILABLE", "The hub does not acknowledge what is sent to it");
    }
  }

  #requireSound(): void {
    const { hub } = this.#options;
    if (hub.state !== "connected" || hub.counters.connects !== this.#connection)
      throw new GatewayError("UPLINK_UNAVAILABLE", "The connection to the hub was lost");
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #rest(woken: Promise<void>, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const pause = this.#options.clock.sleep(pollMs, AbortSignal.any([signal, enough.signal]));
    await Promise.race([woken, pause.catch(() => undefined)]);
    enough.abort();
  }

  async #resume(): Promise<void> {
    const { stream, intake, link, incarnation, known, log } = this.#options;
    const place = await findPlace({
      stream,
      intake,
      link,
      hub: this.#hub,
      local: this.#local,
      incarnation: incarnation(),
      known: this.#taken ?? known(),
    });
    if (place === undefined) {
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `The hub has no stream ${intake}: name this gateway under \`forwarders\` in the fleet file, and run linegate hub apply`,
      );
    }
    if (place.isOther)
      log.error(
        { stream, from: place },
        "The stream is not the one that the hub has the beginning of: what is new in it is sent",
      );
    if (place.isAnew)
      log.error(
        { stream, intake },
        "The hub's stream of this gateway was made anew: all that is still here is sent again",
      );
    const begin = place.isAnew ? place : this.#beforeGap(place);
    this.#taken = { incarnation: begin.incarnation, seq: begin.seq, of: place.of };
    this.#tail = place.expected;
    await this.#reader.begin(begin);
    this.#problem = undefined;
  }

  /** Late is better than lost: what the hub refused is sent all the same, where it took something that comes after it. */
  #beforeGap({ incarnation, seq }: Place): Place {
    const { refused, arrived } = this.#edges;
    if (refused > arrived || refused > seq || incarnation !== this.#reader.place.incarnation)
      return { incarnation, seq };
    const { stream, log } = this.#options;
    log.error(
      { stream, refused, taken: arrived },
      "The hub refused a message and took a later one: it is sent out of order",
    );
    return { incarnation, seq: refused - 1 };
  }

  #advance({ incarnation, seq }: Place): void {
    this.#taken = { incarnation, seq, of: this.#taken?.of };
  }

  #mayFly(bytes: number): boolean {
    if (this.#flying.size === 0) return true;
    if (this.#careful > 0 || !this.#options.bindsOrder() || this.#flying.size >= window.messages)
      return false;
    let flying = bytes;
    for (const one of this.#flying.values()) flying += one.bytes;
    return flying <= window.bytes;
  }

  /** False where there is no room in the connection just now. */
  #send({ seq, subject, headers, payload }: LocalMessage): boolean {
    const { hub, inbox, stream, bindsOrder } = this.#options;
    const { incarnation } = this.#reader.place;
    const fields = {
      ...headers,
      [placeHeader]: `${incarnationName(stream, incarnation)} ${seq}`,
      // None overtakes another, and none is stored twice, whatever is still under way from an earlier connection.
      ...(bindsOrder() ? { "Nats-Expected-Last-Sequence": String(this.#tail) } : {}),
    };
    const sent = hub.publishKept(subject, payload, fields, `${inbox}.${stream}.${this.#session}.${seq}`);
    if (sent === "oversized")
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        "The hub's max_payload is smaller than the gateway's 1 MiB",
      );
    if (sent !== "sent")
      throw new GatewayError("UPLINK_UNAVAILABLE", "The connection to the hub is congested");
    this.#flying.set(seq, { bytes: payload.length, after: this.#tail });
    this.#tail += 1;
    this.#reader.advance(seq);
    return true;
  }

  #answered(subject: string, data: Uint8Array): void {
    const { inbox, stream, intake } = this.#options;
    const [session, place] = subject
      .slice(inbox.length + stream.length + 2)
      .split(".")
      .map(Number);
    const flying = this.#flying.get(place ?? 0);
    if (session !== this.#session || place === undefined || flying === undefined) return;
    const answer = readPubAck(data);
    if (answer?.seq === undefined || answer.error !== undefined || answer.stream !== intake) {
      this.counters.refused += 1;
      this.#edges.refused = Math.min(this.#edges.refused, place);
      this.#failure ??= refusal(answer, intake);
    } else {
      this.#flying.delete(place);
      this.counters.forwarded += 1;
      // One that the hub had already, elsewhere than here, moves nothing: those that reckoned with it are refused, and sent again.
      const isNext = answer.seq === flying.after + 1;
      if (answer.duplicate === true && !isNext) this.#tail = flying.after;
      else {
        this.#edges.arrived = Math.max(this.#edges.arrived, place);
        if (!isNext) this.#failure ??= moved(intake);
      }
      this.#careful = Math.max(0, this.#careful - 1);
      const first = Math.min(...this.#flying.keys());
      const { incarnation, seq } = this.#reader.place;
      this.#advance({ incarnation, seq: first === Infinity ? seq : first - 1 });
    }
    this.wake();
  }
}

/** It was made anew, unless somebody else sends as this gateway: what is in it is looked up. */
function moved(intake: string): GatewayError {
  return new GatewayError(
    "UPLINK_UNAVAILABLE",
    `The hub's stream ${intake} is not as this gateway left it: does another gateway have the same name?`,
  );
}

function refusal(answer: PubAck | undefined, intake: string): GatewayError {
  if (answer?.stream !== undefined && answer.stream !== intake) {
    return new GatewayError(
      "UPLINK_UNAVAILABLE",
      `At the hub the stream ${answer.stream} takes this gateway's subjects, not ${intake}: run linegate hub apply`,
    );
  }
  const why = answer?.error?.description ?? "no stream takes its subjects";
  return new GatewayError("UPLINK_UNAVAILABLE", `The hub refuses: ${why}`);
}
