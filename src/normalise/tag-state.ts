import type { TagMapping } from "../adapter-kit/mapping.ts";
import type { IntegerType, Quality, TagValue } from "../domain/reading.ts";
import { TagPath } from "../domain/tag-path.ts";
import { compileScaling } from "./scaling.ts";
import type { Sequence, Sequences } from "./sequences.ts";

/** One tag of a running device: its mapping made ready for the hot path, and what was last seen and published of it. */
export interface TagState {
  /** Below its device: `ram/pressure`; for one made from a template the name it got, such as `shelf/12/stock`. */
  readonly name: string;
  readonly mapping: TagMapping;
  readonly path: TagPath;
  readonly sequence: Sequence;
  readonly scale: (raw: TagValue) => TagValue;
  readonly integerType: IntegerType | undefined;
  /** Monotonic ms of the last sample, good or bad; at first, of the moment the tag began to be watched. */
  sampledAt: number;
  /** Undefined until the first reading is out. */
  published: { value: TagValue | null; quality: Quality; status: string | undefined; at: number } | undefined;
}

export function tagState(
  name: string,
  mapping: TagMapping,
  device: string,
  site: string,
  sequences: Sequences,
): TagState {
  const path = new TagPath("data", site, device, name);
  return {
    name,
    mapping,
    path,
    sequence: sequences.of(path.topic),
    scale: compileScaling(mapping),
    integerType: mapping.value.kind === "integer" ? mapping.value.wide : undefined,
    sampledAt: 0,
    published: undefined,
  };
}
