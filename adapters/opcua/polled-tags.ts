import type { Sample } from "../../src/adapter-kit/index.ts";
import type { OpcuaTag } from "./mapping.ts";
import { readTags, type ReaderOptions } from "./reader.ts";

/** The polled tags. What the server does not know, or can't answer for, is asked again every `retryBadTags`. */
export class PolledTags {
  readonly #options: ReaderOptions;
  /** By the group's first tag: when its bad tags were tried last, by the monotonic clock in ms. */
  readonly #triedAt = new Map<OpcuaTag | undefined, number>();
  /** Each of them costs requests of its own, so that a poll goes without them: what was said of them holds meanwhile. */
  readonly #aside = new Map<OpcuaTag, Sample>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Reads a poll group and hands on what came. */
  async read(group: readonly OpcuaTag[], signal: AbortSignal): Promise<void> {
    const { context, device, nodes } = this.#options;
    const now = context.clock.monotonic();
    const triedAt = this.#triedAt.get(group[0]) ?? now;
    const due = now - triedAt >= device.options.retryBadTags;
    this.#triedAt.set(group[0], due ? now : triedAt);
    if (due) for (const tag of group) this.#aside.delete(tag);
    const samples = await this.#readBut(group, signal);
    if (samples.length > 0) context.emit(samples);
    if (!due) return;
    const bad = new Set(samples.filter(({ quality }) => quality === "bad").map(({ tag }) => tag));
    const lost = group.filter(({ name }) => bad.has(name));
    if (lost.length > 0) await nodes.resolve(lost, signal);
  }

  /** One sample a tag, of those set aside the one that they had. */
  async #readBut(group: readonly OpcuaTag[], signal: AbortSignal): Promise<readonly Sample[]> {
    const faulty: OpcuaTag[] = [];
    const onFault = (tag: OpcuaTag) => void faulty.push(tag);
    const asked = group.filter((tag) => !this.#aside.has(tag));
    const samples = await readTags(asked, { ...this.#options, onFault }, signal);
    const kept = group.flatMap((tag) => this.#aside.get(tag) ?? []);
    for (const tag of faulty) {
      const sample = samples.find(({ tag: name }) => name === tag.name);
      if (sample !== undefined) this.#aside.set(tag, sample);
    }
    return [...samples, ...kept];
  }
}
