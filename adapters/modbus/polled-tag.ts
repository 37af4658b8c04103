import type { PollGroup, Sample } from "../../src/adapter-kit/index.ts";
import { isBitTable } from "./address.ts";
import { compileDecoder, undecodableStatus, type Decoder } from "./codec.ts";
import type { ModbusDevice, ModbusTag } from "./mapping.ts";
import type { ReadRequest, TagSpan } from "./planner.ts";
import { readCodeOf, type ModbusRequest } from "./request.ts";
import { spanOf } from "./tag.ts";

/** One tag made ready for polling. */
export interface PolledTag {
  readonly name: string;
  readonly mapping: ModbusTag;
  readonly group: PollGroup | undefined;
  readonly span: TagSpan<PolledTag>;
  readonly decode: Decoder;
}

/** The device's tags made ready, in the order of the mapping. */
export function compileTags(device: ModbusDevice): PolledTag[] {
  return device.tags.map((mapping) => compileTag(mapping, device));
}

function compileTag(mapping: ModbusTag, device: ModbusDevice): PolledTag {
  const decode = compileDecoder(mapping, device.options);
  const place = spanOf(mapping);
  const tag: PolledTag = {
    name: mapping.name,
    mapping,
    group: groupOf(mapping),
    decode,
    get span() {
      return span;
    },
  };
  const span: TagSpan<PolledTag> = { ...place, tag };
  return tag;
}

/** Event tags are a group of their own: they do not wait until the other requests of theirs are answered. */
function groupOf({ poll, options }: ModbusTag): PollGroup | undefined {
  return poll !== undefined && options.event === true ? { ...poll, name: `${poll.name} (event)` } : poll;
}

/** The request as it goes to the unit. */
export function requestOf(read: ReadRequest<PolledTag>, unit: number): ModbusRequest {
  return { functionCode: readCodeOf(read.table), unit, address: read.start, quantity: read.length };
}

/** One sample for each tag of an answered request. */
export function decodeSamples(read: ReadRequest<PolledTag>, bytes: Buffer): Sample[] {
  const unitSize = isBitTable(read.table) ? 1 : 2;
  return read.tags.map(({ tag, start }) => {
    const value = tag.decode(bytes, (start - read.start) * unitSize);
    return value === undefined
      ? badSample(tag, undecodableStatus)
      : { tag: tag.name, value, quality: "good" };
  });
}

/** Statuses of requests that the unit itself did not answer: see `isSilence`. */
const silent: ReadonlySet<string> = new Set([
  "Timeout",
  "GarbledAnswer",
  "GatewayPathUnavailable",
  "GatewayTargetDeviceFailedToRespond",
]);

/** What is said of a tag that could not be read. */
export function badSample(tag: PolledTag, status: string): Sample {
  const sample = { tag: tag.name, value: null, quality: "bad", status } as const;
  return silent.has(status) ? { ...sample, noSignOfLife: true } : sample;
}
