import { Subject, type Observable } from "rxjs";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { DeviceEvent } from "../../adapter-kit/device-event.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { Broker } from "../../broker/broker.ts";
import { gatewayDevice } from "../../config/gateway-tags.ts";
import { encodeReading, type PublishedReading, type Reading } from "../../domain/reading.ts";
import { TagPath, topicOfSubject } from "../../domain/tag-path.ts";
import { LatestForgetter } from "../../nats/latest-forgetter.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { RefillReason } from "../../nats/link-types.ts";
import type { Histogram } from "../../observability/histogram.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateStore } from "../../store/state-store.ts";
import { encodeDeviceState, type DeviceState } from "../../supervisor/device-state.ts";
import type { LastValues } from "./last-values.ts";
import { LivePublisher } from "./live-publisher.ts";

export interface SitePublisherOptions {
  readonly site: string;
  readonly broker: Pick<Broker, "publish" | "clearRetained">;
  readonly link: NatsLink;
  readonly last: LastValues;
  /** Where events wait until a stream of NATS has them. */
  readonly store: Pick<StateStore, "change">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DeviceStateChange {
  readonly device: string;
  readonly state: DeviceState;
}

/** Whatever of the site is seen goes out here, once, on MQTT, on NATS and to the services: readings, states, events. */
export class SitePublisher {
  readonly #options: SitePublisherOptions;
  readonly #readings = new Subject<PublishedReading>();
  readonly #states = new Subject<DeviceStateChange>();
  readonly #live: LivePublisher;
  readonly #forgetter: LatestForgetter;
  /** How the gateway itself stands, by part. */
  readonly #parts = new Map<string, object>();
  /** The last state of each device, and of the gateway, as published. */
  readonly #stated = new Map<string, { readonly path: TagPath; readonly json: string }>();

  constructor(options: SitePublisherOptions) {
    this.#options = options;
    const { link, last, clock, log } = options;
    this.#live = new LivePublisher(link, last, clock);
    this.#forgetter = new LatestForgetter({
      link,
      hasValue: (subject) => last.get(topicOfSubject(subject)) !== undefined,
      republish: (subject) => void this.#live.republish(topicOfSubject(subject)),
      log,
    });
    this.#readings.subscribe(isolate("live", log, (reading) => this.#live.publish(reading)));
    link.onRefill((reason) => this.#refill(reason));
  }

  get readings$(): Observable<PublishedReading> {
    return this.#readings;
  }

  get deviceStates$(): Observable<DeviceStateChange> {
    return this.#states;
  }

  get readToNats(): Histogram {
    return this.#live.readToNats;
  }

  /** The hot path: encoded once, retained, given to MQTT, then to everyone downstream. */
  reading(reading: Reading): void {
    const { broker, last } = this.#options;
    const json = encodeReading(reading);
    const payload = Buffer.from(json);
    last.set(reading.path, json);
    broker.publish(reading.path.topic, payload);
    this.#readings.next({ reading, json, payload });
  }

  state(device: string, state: DeviceState): void {
    const { site, broker, link, clock } = this.#options;
    const path = new TagPath("state", site, device);
    const json = encodeDeviceState(state, clock.now());
    this.#stated.set(device, { path, json });
    broker.publish(path.topic, json, { retain: true, qos: 1 });
    link.publish(path.subject, Buffer.from(json));
    this.#states.next({ device, state });
  }

  /** How the gateway itself stands, a part each: `state/<site>/gateway`, retained, holds them all. */
  gateway(part: string, state: object): void {
    const { site, broker, link, clock } = this.#options;
    this.#parts.set(part, state);
    const path = new TagPath("state", site, gatewayDevice);
    const json = JSON.stringify({ timestamp: clock.now(), ...Object.fromEntries(this.#parts) });
    this.#stated.set(gatewayDevice, { path, json });
    broker.publish(path.topic, json, { retain: true, qos: 1 });
    link.publish(path.subject, Buffer.from(json));
  }

  /** Not retained: an event happened once. */
  event(device: string, { name, timestamp, data }: DeviceEvent): void {
    const { site, broker, store, clock } = this.#options;
    const path = new TagPath("event", site, device, name);
    const payload = Buffer.from(JSON.stringify({ timestamp: timestamp ?? clock.now(), data }));
    broker.publish(path.topic, payload, { qos: 1 });
    void store.change([], [{ stream: "EVENTS", subject: path.subject, payload }]);
  }

  /** The device is gone for good. */
  removeDevice(device: string): void {
    const { site, broker } = this.#options;
    this.#stated.delete(device);
    broker.clearRetained(new TagPath("state", site, device).topic);
  }

  /** These tags are gone for good. */
  forget(topics: readonly string[]): void {
    for (const topic of topics) this.#options.last.delete(topic);
    this.#forgetter.forget(topics.map((topic) => topic.replaceAll("/", ".")));
  }

  /** Nothing is taken out of LATEST any more. Idempotent. */
  stopForgetting(): void {
    this.#forgetter.stop();
  }

  /** The last that is heard of it. */
  complete(): void {
    this.#readings.complete();
    this.#states.complete();
  }

  /** Whenever subscribers or LATEST may have missed readings: the newest of each tag again. */
  #refill(reason: RefillReason): void {
    if (reason === "connected") {
      for (const { path, json } of this.#stated.values())
        this.#options.link.publish(path.subject, Buffer.from(json));
      this.#forgetter.retry();
    }
    this.#live.refill(reason === "drained" ? "missed" : "all");
  }
}
