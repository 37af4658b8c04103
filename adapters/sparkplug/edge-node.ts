import {
  toGatewayError,
  type BrokerMessage,
  type Bus,
  type Clock,
  type LocalBroker,
} from "../../src/adapter-kit/index.ts";
import { encodePayload, type MetricToSend } from "./encode.ts";
import type { NodeListener, Update } from "./node-listener.ts";
import { decodePayload, type WirePayload } from "./payload.ts";
import { Scope } from "./scope.ts";
import { SequenceGate } from "./sequence.ts";
import { isEarlier, sessionOf } from "./session.ts";
import { Timer } from "./timer.ts";
import { commandTopic, nodeFilter, parseTopic, type EdgeNodeId } from "./topic.ts";

/** A payload beyond this is not looked into: a birth certificate of 20,000 metrics has about half of it. */
const mostPayloadBytes = 2_097_152;

export interface EdgeNodeOptions {
  readonly broker: LocalBroker;
  readonly clock: Clock;
  /** ms */
  readonly reorder: number;
  /** ms */
  readonly rebirth: number;
}

type Arrival = NonNullable<ReturnType<typeof parseTopic>> & { readonly payload: WirePayload };

/**
 * One edge node, as a host application follows it (Sparkplug 3.0 §5, §6.4): birth certificates, aliases and sequence
 * numbers, shared by all mapped devices behind it. What can't be made sense of asks for a rebirth.
 */
export class EdgeNode implements Bus {
  readonly #id: EdgeNodeId;
  readonly #options: EdgeNodeOptions;
  readonly #listeners = new Set<NodeListener>();
  /** By device id; the node itself under `undefined`. Only what somebody listens to. */
  readonly #scopes = new Map<string | undefined, Scope>();
  readonly #gate = new SequenceGate<Arrival>();
  readonly #reorderTimer: Timer;
  readonly #rebirthTimer: Timer;
  readonly #birthTimer: Timer;
  /** Devices that are still to be born after the node was. */
  readonly #awaited = new Set<string>();
  #stop: (() => void) | undefined;
  #born = false;
  #session: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(id: EdgeNodeId, options: EdgeNodeOptions) {
    this.#id = id;
    this.#options = options;
    this.#reorderTimer = new Timer(options.clock);
    this.#rebirthTimer = new Timer(options.clock);
    this.#birthTimer = new Timer(options.clock);
  }

  /** Tells the listener from now on, and asks for a birth certificate; returns the way to stop. */
  attach(listener: NodeListener): () => void {
    this.#listeners.add(listener);
    this.#stop ??= this.#options.broker.subscribe(nodeFilter(this.#id), (message) => this.#take(message));
    this.askForBirth();
    return () => {
      this.#listeners.delete(listener);
      if (!this.#isHeard(listener.device)) this.#scopes.delete(listener.device);
      if (this.#listeners.size === 0) this.#forget();
    };
  }

  /** The birth certificate in force of the node itself, or of a device. */
  scope(device: string | undefined): Scope | undefined {
    return this.#scopes.get(device);
  }

  /** Sends NCMD or DCMD, which have no sequence number and QoS 0 (§6.4.22). */
  command(device: string | undefined, metrics: readonly MetricToSend[]): void {
    const topic = commandTopic(this.#id, device);
    const payload = encodePayload({ timestamp: this.#options.clock.now(), metrics });
    for (const listener of this.#heardBy(device)) listener.frame("sent", topic, payload);
    this.#options.broker.publish(topic, payload);
  }

  /** Asks the node for its birth certificates, soon: never more often than it can bear. */
  askForBirth(): void {
    if (this.#rebirthTimer.running) return;
    const wait = this.#askedAt + this.#options.rebirth - this.#options.clock.monotonic();
    if (wait <= 0) this.#askNow();
    else this.#rebirthTimer.start(wait, () => this.#askNow());
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#forget();
  }

  #askNow(): void {
    const { clock } = this.#options;
    this.#askedAt = clock.monotonic();
    // §6.4.25: by its name, since who knows whether aliases still hold.
    const metric = {
      name: "Node Control/Rebirth",
      timestamp: clock.now(),
      type: "bool",
      value: true,
    } as const;
    this.command(undefined, [metric]);
  }

  #forget(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#end();
  }

  /** The session of the node is over, or nobody follows it any longer. */
  #end(): void {
    this.#born = false;
    this.#scopes.clear();
    this.#awaited.clear();
    for (const timer of [this.#reorderTimer, this.#rebirthTimer, this.#birthTimer]) timer.stop();
  }

  #take({ topic, payload, retain }: BrokerMessage): void {
    const parsed = parseTopic(topic);
    if (parsed === undefined) return;
    const heard = parsed.device === undefined ? [...this.#listeners] : this.#heardBy(parsed.device);
    for (const listener of heard) listener.frame("received", topic, payload);
    const decoded = this.#decode(payload, parsed.device);
    if (decoded === undefined) return;
    const arrival = { ...parsed, payload: decoded };
    if (retain) this.#takeRetained(arrival);
    else if (parsed.type === "NBIRTH") this.#nodeBorn(decoded);
    else if (parsed.type === "NDEATH") this.#nodeDied(decoded);
    else this.#takeInOrder(arrival);
  }

  #decode(payload: Buffer, device: string | undefined): WirePayload | undefined {
    if (payload.length > mostPayloadBytes) {
      this.#fault("payload-too-large", device);
      return undefined;
    }
    try {
      return decodePayload(payload);
    } catch {
      this.#fault("malformed-payload", device);
      this.askForBirth();
      return undefined;
    }
  }

  /** Births and data are never to be retained (§6.4.2): such a one is of yesterday, and so are its aliases. */
  #takeRetained({ type, device, payload }: Arrival): void {
    if (type === "NDEATH") this.#nodeDied(payload);
    if (type !== "NBIRTH" && type !== "DBIRTH") return;
    const scope = this.#scopeOf(payload, device);
    if (scope === undefined) return;
    for (const listener of this.#heardBy(device)) listener.born(scope, true);
    this.askForBirth();
  }

  #nodeBorn(payload: WirePayload): void {
    this.#end();
    this.#born = true;
    this.#session = sessionOf(payload);
    this.#gate.begin(payload.seq ?? 0);
    this.#scopeBorn({ type: "NBIRTH", device: undefined, payload });
    for (const { device } of this.#listeners) if (device !== undefined) this.#awaited.add(device);
    if (this.#awaited.size > 0) this.#birthTimer.start(this.#options.rebirth, () => this.#missBirths());
  }

  /** The will of a session that is over by now says nothing about the one that lives (§5.10, bdSeq). */
  #nodeDied(payload: WirePayload): void {
    if (this.#born && isEarlier(sessionOf(payload), this.#session)) {
      this.#fault("stale-death", undefined);
      return;
    }
    this.#end();
    for (const listener of this.#listeners) listener.dead("its edge node died (NDEATH)");
  }

  #takeInOrder(arrival: Arrival): void {
    const { seq } = arrival.payload;
    if (!this.#born) {
      this.#notBorn(arrival.device);
      return;
    }
    if (seq === undefined) {
      this.#fault("no-sequence", arrival.device);
      this.#apply(arrival);
      return;
    }
    if (this.#gate.isBehind(seq)) {
      this.#fault("late-sequence", arrival.device);
      return;
    }
    for (const next of this.#gate.take(seq, arrival)) this.#apply(next);
    if (this.#gate.full) this.#giveUp();
    else if (!this.#gate.waiting) this.#reorderTimer.stop();
    else if (!this.#reorderTimer.running)
      this.#reorderTimer.start(this.#options.reorder, () => this.#giveUp());
  }

  #giveUp(): void {
    this.#reorderTimer.stop();
    for (const listener of this.#listeners) {
      listener.fault("sequence-gap");
      listener.unsure();
    }
    for (const arrival of this.#gate.giveUp()) this.#apply(arrival);
    this.askForBirth();
  }

  #apply(arrival: Arrival): void {
    const { type, device } = arrival;
    if (!this.#isHeard(device)) return;
    if (device !== undefined && type !== "DDATA") this.#awaited.delete(device);
    if (type === "DBIRTH") this.#scopeBorn(arrival);
    else if (type === "DDEATH") this.#deviceDied(device);
    else this.#update(arrival);
  }

  #scopeBorn({ device, payload }: Arrival): void {
    const scope = this.#scopeOf(payload, device);
    if (scope === undefined) return;
    this.#scopes.set(device, scope);
    for (const listener of this.#heardBy(device)) listener.born(scope, false);
  }

  /** Undefined where nobody listens, or where the birth certificate is unsound. */
  #scopeOf(payload: WirePayload, device: string | undefined): Scope | undefined {
    if (!this.#isHeard(device)) return undefined;
    try {
      return new Scope(payload);
    } catch (caught) {
      this.#scopes.delete(device);
      for (const listener of this.#heardBy(device)) {
        listener.fault("unsound-birth");
        listener.unsound(toGatewayError(caught));
      }
      return undefined;
    }
  }

  #deviceDied(device: string | undefined): void {
    this.#scopes.delete(device);
    for (const listener of this.#heardBy(device)) listener.dead("its edge node lost it (DDEATH)");
  }

  #update({ device, payload }: Arrival): void {
    const scope = this.#scopes.get(device);
    if (scope === undefined) {
      this.#notBorn(device);
      return;
    }
    const updates: Update[] = [];
    const history: Update[] = [];
    let unknown = 0;
    for (const metric of payload.metrics) {
      const known = scope.find(metric);
      if (known === undefined) unknown += 1;
      else
        (metric.historical ? history : updates).push({
          known,
          metric,
          timestamp: metric.timestamp ?? payload.timestamp,
        });
    }
    for (const listener of this.#heardBy(device)) {
      if (history.length > 0) listener.history(history);
      if (updates.length > 0) listener.changed(updates);
    }
    if (unknown === 0) return;
    this.#fault("unknown-metric", device);
    this.askForBirth();
  }

  #notBorn(device: string | undefined): void {
    for (const listener of this.#heardBy(device)) listener.unborn();
    this.#fault("data-before-birth", device);
    this.askForBirth();
  }

  #missBirths(): void {
    for (const device of this.#awaited)
      for (const listener of this.#heardBy(device))
        listener.dead(`its edge node was born without it: there is no DBIRTH of ${device}`);
    this.#awaited.clear();
  }

  #heardBy(device: string | undefined): NodeListener[] {
    return [...this.#listeners].filter((listener) => listener.device === device);
  }

  #isHeard(device: string | undefined): boolean {
    return this.#heardBy(device).length > 0;
  }

  /** Counted by whom it concerns; else by the first, so that it is counted at all. */
  #fault(kind: string, device: string | undefined): void {
    const [first] = this.#listeners;
    const heard = this.#heardBy(device);
    for (const listener of heard.length > 0 || first === undefined ? heard : [first]) listener.fault(kind);
  }
}
