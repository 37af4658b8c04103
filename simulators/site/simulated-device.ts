import type { DeviceMapping, TagMapping } from "../../src/adapter-kit/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";

/** One tag of a simulated device; where the mapping has a wildcard, one of the instances that fill it. */
export interface SimulatedTag {
  /** `ram/pressure`; `shelf/2/stock` for an instance of `shelf/{1}/stock`. */
  readonly name: string;
  readonly mapping: TagMapping;
}

/** A simulated device as its own process sees it: values by tag name, in the tag's unit, as they are read by the gateway. */
export interface SimulatedDevice {
  readonly mapping: DeviceMapping;
  readonly tags: readonly SimulatedTag[];
  /** Where it is, in an operator's words: `127.0.0.1:1502 unit 1`. */
  readonly place: string;
  /** Values that the tag's type can't hold are clipped to what it can. Names that the mapping lacks are passed over. */
  set(tag: string, value: TagValue): void;
  /** What the device holds, as last set or written by a client; undefined where the mapping has no such tag. */
  get(tag: string): TagValue | undefined;
  /**
   * For devices that send documents: what the n-th one on a topic carries beside the tags, built anew each time. A topic
   * without one (undefined) sends nothing where no tag has a value for it.
   */
  frame?(build: (sequence: number, topic: string) => object | undefined): void;
  /** For devices that are sent documents: takes each as it comes, parsed where it is JSON. */
  take?(onDocument: (topic: string, document: unknown) => void): void;
}

/** What moves the values of simulated devices. */
export interface Model {
  /** The tags of a device that this model sets or reads; others are free for another model. */
  owns(device: string, tag: string): boolean;
  /** Moves everything on by `seconds` of simulated time. */
  step(seconds: number): void;
}
