import {
  httpUrl,
  type CameraDevice,
  type CameraTagMapping,
  type CameraWriteOptions,
} from "../../adapters/camera/mapping.ts";
import { pointerPath, valueAt } from "../../src/adapter-kit/json-pointer.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import { pictureOf } from "../camera/picture.ts";
import { withPointer } from "../mqtt/pointer.ts";
import { rawOf } from "./raw-value.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { sourceTime } from "./source-time.ts";

interface CameraTag {
  readonly name: string;
  readonly mapping: CameraTagMapping;
  readonly path: string;
  /** As the camera holds it. */
  raw: TagValue | undefined;
}

/** A camera as its mapping describes it: the values of its tags, laid into results of the shape that the mapping reads. */
export class SimulatedCameraDevice implements SimulatedDevice {
  readonly mapping: CameraDevice;
  readonly tags: readonly CameraTag[];
  readonly #byName: ReadonlyMap<string, CameraTag>;
  readonly #images: ReadonlySet<string>;
  readonly #now: () => number;
  #place: string;
  #changedAt: number;
  /** Grows with each change of a value. */
  version = 0;

  /** `now` in ms since the Unix epoch. */
  constructor(mapping: CameraDevice, now: () => number) {
    this.mapping = mapping;
    this.#now = now;
    this.#changedAt = now();
    const { connection } = mapping;
    this.#place =
      connection.transport === "http-push" ? `posts to ${connection.listen.host}` : connection.url;
    this.tags = mapping.tags.map((tag) => ({
      name: tag.name,
      mapping: tag,
      path: this.#pathOf(tag.options.url),
      raw: undefined,
    }));
    this.#byName = new Map(
      this.tags.filter((tag) => !tag.mapping.options.image).map((tag) => [tag.name, tag]),
    );
    const { snapshot } = mapping.options;
    const urls = mapping.tags.flatMap(({ options }) =>
      options.image && options.url !== undefined ? [options.url] : [],
    );
    this.#images = new Set(
      [...urls, ...(snapshot === undefined ? [] : [snapshot.url])].map((url) => this.#pathOf(url)),
    );
  }

  get place(): string {
    return this.#place;
  }

  /** Where it is served, if not where the mapping says. */
  moveTo(place: string): void {
    this.#place = place;
  }

  set(name: string, value: TagValue): void {
    const tag = this.#byName.get(name);
    if (tag !== undefined) this.#hold(tag, rawOf(value, tag.mapping));
  }

  get(name: string): TagValue | undefined {
    const tag = this.#byName.get(name);
    return tag?.raw === undefined ? undefined : compileScaling(tag.mapping)(tag.raw);
  }

  /** The result at a path; undefined where there is none. */
  result(path: string = this.#pathOf(undefined)): unknown {
    const tags = [...this.#byName.values()].filter((tag) => tag.path === path && tag.raw !== undefined);
    if (tags.length === 0) return undefined;
    let document: unknown = {};
    for (const { mapping, raw } of tags) {
      const { pointer = "", timestamp } = mapping.options;
      document = withPointer(document, pointer, typeof raw === "bigint" ? Number(raw) : raw);
      if (timestamp !== undefined) document = this.#timed(document, timestamp);
    }
    const { event } = this.mapping.options;
    return event?.timestamp === undefined ? document : this.#timed(document, event.timestamp);
  }

  /** What it sees now; another picture for another result. */
  picture(): Buffer {
    return pictureOf(JSON.stringify(this.result()) ?? "");
  }

  /** The image at a path; undefined where there is none. */
  image(path: string): Buffer | undefined {
    return this.#images.has(path) ? this.picture() : undefined;
  }

  /** A value posted to a path: what is written sticks. */
  receive(path: string, body: unknown): void {
    for (const tag of this.tags) {
      const write = tag.mapping.write?.options as CameraWriteOptions | undefined;
      if (write === undefined || this.#pathOf(write.url) !== path) continue;
      const value = valueAt(body, pointerPath(write.pointer ?? ""));
      if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "string") continue;
      this.#hold(tag, rawOf(value, { ...tag.mapping, scale: 1, offset: 0 }));
    }
  }

  #hold(tag: CameraTag, raw: TagValue): void {
    if (tag.raw === raw) return;
    tag.raw = raw;
    this.version += 1;
    this.#changedAt = this.#now();
  }

  #timed(document: unknown, at: NonNullable<CameraTagMapping["options"]["timestamp"]>): unknown {
    return withPointer(document, at.pointer, sourceTime(at.unit, this.#changedAt));
  }

  #pathOf(url: string | undefined): string {
    const { connection } = this.mapping;
    const base = connection.transport === "http-push" ? undefined : httpUrl(connection.url);
    return URL.parse(url ?? base ?? "", base)?.pathname ?? "";
  }
}

export function isCamera(device: DeviceMapping): device is CameraDevice {
  return device.adapter === "camera";
}
