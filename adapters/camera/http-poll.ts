import {
  documentWith,
  GatewayError,
  groupsOf,
  plainJson,
  plainText,
  pointerPath,
  PollGrid,
  toGatewayError,
  valueAt,
  type Adapter,
  type AdapterContext,
  type ImageReference,
  type Sample,
  type TagValue,
  type TagWrite,
} from "../../src/adapter-kit/index.ts";
import { ResultDocument } from "./document.ts";
import { statusFailure } from "./failures.ts";
import { HttpClient } from "./http-client.ts";
import { ImageFetch } from "./image-fetch.ts";
import { ImageSink } from "./image-sink.ts";
import type { CameraDevice, CameraWriteOptions, HttpPollConnection } from "./mapping.ts";
import { eventOf, resultTags, type Content, type ResultTag, type Trigger } from "./result.ts";
import { SingleFlight } from "./single-flight.ts";
import { watchTrigger } from "./trigger.ts";

/** So many requests in a row that gave no result, and the camera counts as lost. */
const lostAfter = 3;
const longestSleepMs = 1_000_000;

interface PolledDocument {
  readonly document: ResultDocument;
  readonly tags: readonly (ResultTag & { readonly group: string | undefined })[];
  busy: boolean;
  /** True where the last request brought a result. */
  answers: boolean;
  /** What was told last of what is wrong with it. */
  told: string | undefined;
}

/** A camera that is asked for its results, and for images when there is a new one or a trigger. */
export class HttpPollCamera implements Adapter {
  readonly #device: CameraDevice<HttpPollConnection>;
  readonly #context: AdapterContext;
  readonly #client: HttpClient;
  readonly #documents: readonly PolledDocument[];
  readonly #fetching: ImageFetch;
  readonly #inspections: SingleFlight;
  readonly #ending = new AbortController();
  #failures = 0;
  /** What told the last result from the one before; undefined before the first. */
  #seen: { readonly key: string } | undefined;

  constructor(device: CameraDevice<HttpPollConnection>, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
    this.#client = new HttpClient(device.connection, context);
    const groups = new Map(device.tags.map(({ name, poll }) => [name, poll?.name]));
    const urls = Map.groupBy(device.tags, ({ options }) => this.#client.url(options.url).href);
    this.#documents = [...urls].flatMap(([url, mapped]) => {
      const tags = resultTags(mapped).map((tag) => ({ ...tag, group: groups.get(tag.name) }));
      if (tags.length === 0) return [];
      return [
        {
          document: new ResultDocument(new URL(url), this.#client, context),
          tags,
          busy: false,
          answers: false,
          told: undefined,
        },
      ];
    });
    const tag = device.tags.find(({ options }) => options.image)?.name;
    const images = new ImageSink({ device: device.device, tag, context });
    this.#fetching = new ImageFetch({ device: device.device, client: this.#client, images, context });
    this.#inspections = new SingleFlight(device.device, context);
  }

  /** Asks once for the first result, so that what is wrong is known at once. */
  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#client.open();
    const { failure } = (await this.#documents[0]?.document.fetch([], signal)) ?? {};
    if (failure !== undefined) throw failure;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stop = () => this.#ending.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const { snapshot } = this.#device.options;
    const unwatch =
      snapshot === undefined
        ? undefined
        : watchTrigger(
            this.#context,
            snapshot,
            (trigger) => void this.#inspections.run(() => this.#snapshot(trigger)),
          );
    try {
      await this.#poll(this.#ending.signal);
    } catch (caught) {
      if (!this.#ending.signal.aborted) throw caught;
    } finally {
      unwatch?.();
      signal.removeEventListener("abort", stop);
      this.#ending.abort(signal.reason);
    }
    throw this.#ending.signal.reason;
  }

  async read(names: readonly string[], signal: AbortSignal): Promise<readonly Sample[]> {
    const found = new Map<string, Sample>();
    for (const { document, tags } of this.#documents) {
      const wanted = tags.filter(({ name }) => names.includes(name));
      if (wanted.length === 0) continue;
      for (const sample of (await document.fetch(wanted, signal)).samples) found.set(sample.tag, sample);
    }
    return names.flatMap((name) => found.get(name) ?? []);
  }

  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { device, tags } = this.#device;
    if (!this.#client.isOpen) {
      throw new GatewayError("DEVICE_UNREACHABLE", `${device} is not connected: nothing was sent.`);
    }
    for (const { tag, value } of writes) {
      const options = tags.find(({ name }) => name === tag)?.write?.options as CameraWriteOptions | undefined;
      if (options === undefined) {
        throw new GatewayError("WRITE_REFUSED", `${device}/${tag} has no \`write\` entry.`);
      }
      const url = this.#client.url(options.url);
      const json = bodyOf(value, options.pointer);
      const { status, location } = await this.#client.request(url, { method: options.method, json }, signal);
      const failure = statusFailure(status, url, location);
      if (failure !== undefined) {
        throw new GatewayError("DEVICE_REJECTED", failure.message, {
          cause: failure,
          context: failure.context,
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#ending.abort(new DOMException("The camera is let go", "AbortError"));
    this.#client.close();
  }

  /** Ends `run` from inside; the first reason stands. */
  #fail(error: GatewayError): void {
    this.#ending.abort(error);
  }

  async #poll(ending: AbortSignal): Promise<void> {
    const { clock, metrics, phase } = this.#context;
    const groups = groupsOf(this.#device.tags.map(({ poll }) => ({ group: poll })));
    const grid = new PollGrid(groups, phase, clock.monotonic());
    this.#begin(groups.map(({ name }) => name));
    while (!ending.aborted) {
      const wait = grid.next() - clock.monotonic();
      await clock.sleep(Math.min(Math.max(1, Math.ceil(wait)), longestSleepMs), ending);
      const { due, missed } = grid.take(clock.monotonic());
      for (let count = 0; count < Math.min(missed, 100); count += 1) metrics.fault("overrun");
      this.#begin(due);
    }
  }

  #begin(due: readonly string[]): void {
    for (const polled of this.#documents) {
      const tags = polled.tags.filter(({ group }) => group !== undefined && due.includes(group));
      if (tags.length === 0) continue;
      if (polled.busy) this.#context.metrics.fault("overrun");
      else void this.#fetch(polled, tags);
    }
  }

  async #fetch(polled: PolledDocument, tags: readonly ResultTag[]): Promise<void> {
    polled.busy = true;
    try {
      const { samples, content, failure } = await polled.document.fetch(tags, this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      this.#context.emit(samples);
      polled.answers = failure === undefined;
      if (failure === undefined) {
        this.#failures = 0;
        polled.told = undefined;
      } else this.#count(polled, failure);
      if (content !== undefined && polled === this.#documents[0]) this.#note(content);
    } catch (caught) {
      const error = toGatewayError(caught);
      if (this.#ending.signal.aborted) return;
      polled.answers = false;
      if (error.code === "DEVICE_TIMEOUT") this.#context.metrics.fault("timeout");
      else if (this.#isOfOne(error)) this.#context.metrics.fault("connection");
      else return this.#fail(error);
      this.#count(polled, error);
    } finally {
      polled.busy = false;
    }
  }

  /** A connection that breaks while another URL answers is that URL's trouble; a camera that refuses the gateway is not. */
  #isOfOne({ code }: GatewayError): boolean {
    if (code !== "DEVICE_UNREACHABLE" && code !== "PROTOCOL_VIOLATION") return false;
    return this.#documents.some(({ answers }) => answers);
  }

  /** A camera of which nothing is right any more is offline, and its state says why. */
  #count(polled: PolledDocument, failure: GatewayError): void {
    this.#failures += 1;
    if (this.#failures >= Math.max(lostAfter, 2 * this.#documents.length)) return this.#fail(failure);
    const { reason, httpStatus } = failure.context;
    const what = JSON.stringify([failure.code, reason ?? httpStatus ?? null]);
    if (polled.told === what) return;
    polled.told = what;
    this.#context.log.warn(
      { device: this.#device.device, ...failure.context, code: failure.code },
      failure.message,
    );
  }

  /** With a snapshot, inspections are set off by its trigger; without one, by a new result. */
  #note(content: Content): void {
    const { event, snapshot } = this.#device.options;
    if (event === undefined || snapshot !== undefined) return;
    const part =
      event.key === undefined ? content.document : valueAt(content.document, pointerPath(event.key));
    const key = part === undefined ? "" : JSON.stringify(plainJson(part) ?? null);
    const before = this.#seen;
    this.#seen = { key };
    // What was there already when the gateway came is no new inspection.
    if (before === undefined || before.key === key) return;
    this.#inspections.run(() => this.#inspect(content));
  }

  async #inspect(content: Content): Promise<void> {
    const { tags, options } = this.#device;
    const tag = tags.find((one) => one.options.image);
    const image = tag === undefined ? undefined : await this.#image(tag.options.url);
    this.#publish(content, options.event?.image === true ? image : undefined, undefined);
  }

  async #snapshot(trigger: Trigger): Promise<void> {
    const { snapshot, event } = this.#device.options;
    const ending = this.#ending.signal;
    if (snapshot === undefined || ending.aborted) return;
    if (snapshot.delay > 0) {
      await this.#context.clock.sleep(snapshot.delay, ending).catch(() => undefined);
    }
    const image = await this.#image(snapshot.url, trigger.timestamp);
    if (event === undefined || ending.aborted) return;
    const content = await this.#resultNow();
    this.#publish(content, event.image ? image : undefined, trigger);
  }

  /** The result that belongs to a trigger. */
  async #resultNow(): Promise<Content | undefined> {
    const [polled] = this.#documents;
    if (polled === undefined) return undefined;
    try {
      const { samples, content } = await polled.document.fetch(polled.tags, this.#ending.signal);
      this.#context.emit(samples);
      return content;
    } catch {
      // The polls meet with the same, and say so.
      return undefined;
    }
  }

  #image(reference: string | undefined, at?: number): Promise<ImageReference | null> {
    return this.#fetching.from(this.#client.url(reference), this.#ending.signal, at);
  }

  #publish(
    content: Content | undefined,
    image: ImageReference | null | undefined,
    trigger: Trigger | undefined,
  ): void {
    const { event } = this.#device.options;
    if (event === undefined || this.#ending.signal.aborted) return;
    const { clock, metrics } = this.#context;
    const judging = { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") };
    this.#context.event(eventOf(event, { content, image, trigger }, judging));
  }
}

function bodyOf(value: TagValue, pointer: string | undefined): string {
  const json = typeof value === "string" ? JSON.stringify(value) : plainText(value);
  return pointer === undefined ? json : documentWith(json, pointerPath(pointer));
}
