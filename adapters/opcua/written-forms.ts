import type { Sample, TagValue } from "../../src/adapter-kit/index.ts";
import type { OpcuaTag } from "./mapping.ts";
import { lastTime } from "./time-range.ts";

/** Types of which several texts say the same value, and what is the same of them. */
const meanings: Readonly<Record<string, (text: string) => unknown>> = {
  datetime: (text) => Math.min(Date.parse(text), lastTime),
  guid: (text) => text.toLowerCase(),
};

/**
 * The texts that were written, where their type has several for one value: a time with or without fractions or in another
 * zone, a GUID in small letters. What is read back is compared as a text, so that a value that is the same is told in
 * the form in which it was written.
 */
export class WrittenForms {
  readonly #written = new Map<OpcuaTag, string>();

  keep(tag: OpcuaTag, value: TagValue): void {
    if (typeof value === "string" && meanings[tag.options.type ?? ""] !== undefined)
      this.#written.set(tag, value);
  }

  /** The sample with the text that was written, where it says the same value. */
  told(tag: OpcuaTag, sample: Sample): Sample {
    const written = this.#written.get(tag);
    const meaning = meanings[tag.options.type ?? ""];
    if (written === undefined || meaning === undefined || typeof sample.value !== "string") return sample;
    return meaning(sample.value) === meaning(written) ? { ...sample, value: written } : sample;
  }
}
