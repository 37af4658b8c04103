import type { UploadTag } from "./upload-tag.ts";

/** So many tags that wildcards made are uploaded: a hostile topic can't grow the gateway. Those that a mapping names are as many as it names. */
export const mostMadeTags = 20_000;
/** Of so many tags it is remembered that nothing of them is uploaded; of others it is looked up with each reading. */
const mostPassedTags = 20_000;

/** The tags of which readings came, by their topics. */
export class MetTags {
  /** Null: nothing of the tag is uploaded. */
  readonly #tags = new Map<string, UploadTag | null>();
  #made = 0;
  #passed = 0;

  /** Null: nothing of the tag is uploaded; undefined: it was not met. */
  get(topic: string): UploadTag | null | undefined {
    return this.#tags.get(topic);
  }

  /** Whether one more may be uploaded. @param isMade by a wildcard */
  hasRoom(isMade: boolean): boolean {
    return !isMade || this.#made < mostMadeTags;
  }

  add(topic: string, tag: UploadTag, isMade: boolean): void {
    this.#tags.set(topic, tag);
    if (isMade) this.#made += 1;
  }

  /** Nothing of it is uploaded. */
  pass(topic: string): void {
    if (this.#passed >= mostPassedTags) return;
    this.#passed += 1;
    this.#tags.set(topic, null);
  }

  /** Those that are uploaded, with their topics. */
  *uploaded(): Generator<readonly [topic: string, tag: UploadTag]> {
    for (const [topic, tag] of this.#tags) if (tag !== null) yield [topic, tag];
  }
}
